//go:build linux

package gate

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// raw is an MQTT 3.1.1 client that does what no library does: it never acknowledges, it chooses its session, it goes
// without a word.
type raw struct {
	conn   net.Conn
	closed chan struct{} // when the broker has closed the connection

	mu       sync.Mutex
	got      []wattgatetest.Message // guarded by mu
	closedAt time.Time              // read after closed
}

// connection is what a raw client asks for in its first packet.
type connection struct {
	id         string // "": a random one, and a session that ends with the connection
	who        wattgatetest.Login
	will       string // topic of the last will; "": none
	subscribed []string
}

// dialRaw connects to the plain listener. It asks for QoS 1, and never acknowledges what comes.
func dialRaw(t *testing.T, broker string, c connection) (*raw, error) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(broker, "mqtt://"))
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = conn.Close() })
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion, p.Keepalive = "MQTT", 4, 60
	p.CleanSession, p.ClientIdentifier = c.id == "", c.id
	if c.id == "" {
		p.ClientIdentifier = rand.Text()
	}
	if c.who.Name != "" {
		p.UsernameFlag, p.Username, p.PasswordFlag, p.Password = true, c.who.Name, true, []byte(c.who.Password)
	}
	if c.will != "" {
		p.WillFlag, p.WillTopic, p.WillMessage, p.WillQos = true, c.will, []byte(forged), 1
	}
	if err := p.Write(conn); err != nil {
		return nil, err
	}
	if err := answered(conn); err != nil {
		return nil, err
	}
	if len(c.subscribed) > 0 {
		s := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
		s.MessageID, s.Topics = 1, c.subscribed
		for range c.subscribed {
			s.Qoss = append(s.Qoss, 1)
		}
		if err := s.Write(conn); err != nil {
			return nil, err
		}
	}
	r := &raw{conn: conn, closed: make(chan struct{})}
	go r.read()
	return r, nil
}

func answered(conn net.Conn) error {
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	first, err := packets.ReadPacket(conn)
	if err != nil {
		return err
	}
	if a, ok := first.(*packets.ConnackPacket); !ok || a.ReturnCode != packets.Accepted {
		return fmt.Errorf("refused: %v", first)
	}
	return conn.SetReadDeadline(time.Time{})
}

// read owns the reading side of the connection.
func (r *raw) read() {
	for {
		p, err := packets.ReadPacket(r.conn)
		if err != nil {
			r.closedAt = time.Now()
			close(r.closed)
			return
		}
		if m, ok := p.(*packets.PublishPacket); ok {
			r.mu.Lock()
			r.got = append(r.got, wattgatetest.Message{At: time.Now(), Topic: m.TopicName, Payload: string(m.Payload), Retained: m.Retain})
			r.mu.Unlock()
		}
	}
}

func (r *raw) messages() []wattgatetest.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]wattgatetest.Message{}, r.got...)
}

// readings counts the live readings that came.
func (r *raw) readings() int { return len(stolen(r.messages())) }

// gone waits until the broker has closed the connection, and returns when it did.
func (r *raw) gone(within time.Duration) (time.Time, error) {
	select {
	case <-r.closed:
		return r.closedAt, nil
	case <-time.After(within):
		return time.Time{}, errors.New("the connection stands")
	}
}
