package acl

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// dialTimeout bounds connecting, from the socket to the broker's answer. A
// reload of 100,000 accounts takes Mosquitto 2.0.11 about 0.7 s.
const dialTimeout = 2 * time.Second

// keepAlive is how often an idle session asks whether the broker lives.
const keepAlive = 10 * time.Second

// subscribeAtOnce is how many filters go into one packet: 32 of the longest
// stay below the broker's packet limit.
const subscribeAtOnce = 32

// errRefused says that the broker does not accept name and password.
var errRefused = errors.New("the broker refused the login")

// session is one MQTT connection over the internal listener.
type session struct {
	client mqtt.Client
	pid    int           // the process at the other end of the socket
	lost   chan struct{} // closed when the connection ends by itself
}

// dial connects, anonymously if user is "". The client id is random, so that
// nobody can take the session over. handle is called in the order of arrival
// and must not block; nil drops what arrives.
func dial(ctx context.Context, socket, user, password string, handle func(topic string, payload []byte)) (*session, error) {
	s := &session{lost: make(chan struct{})}
	var once sync.Once
	stop := func() bool { return true }
	o := mqtt.NewClientOptions().
		AddBroker((&url.URL{Scheme: "unix", Path: socket}).String()).
		SetClientID(rand.Text()). // 26 characters, 130 bits
		SetUsername(user).SetPassword(password).
		SetProtocolVersion(4).SetCleanSession(true).
		SetAutoReconnect(false).SetConnectRetry(false).
		SetConnectTimeout(dialTimeout).SetWriteTimeout(dialTimeout).
		SetKeepAlive(keepAlive).SetPingTimeout(keepAlive).
		SetOrderMatters(true).
		SetConnectionLostHandler(func(mqtt.Client, error) { once.Do(func() { close(s.lost) }) }).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			if handle != nil {
				handle(m.Topic(), m.Payload())
			}
		}).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
			conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "unix", socket)
			if err != nil {
				return nil, err
			}
			if s.pid, err = peerPID(conn); err != nil {
				conn.Close()
				return nil, err
			}
			stop = context.AfterFunc(ctx, func() { conn.Close() })
			return conn, nil
		})
	s.client = mqtt.NewClient(o)
	t := s.client.Connect()
	t.Wait() // at most dialTimeout twice
	stop()
	err := t.Error()
	if errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword) || errors.Is(err, packets.ErrorRefusedNotAuthorised) {
		return nil, errRefused
	}
	if err != nil {
		return nil, fmt.Errorf("cannot reach the broker: %w", err)
	}
	return s, nil
}

// subscribe returns when the broker has confirmed every filter.
func (s *session) subscribe(filters []string) error {
	for len(filters) > 0 {
		n := min(len(filters), subscribeAtOnce)
		want := map[string]byte{}
		for _, f := range filters[:n] {
			want[f] = 0
		}
		filters = filters[n:]
		t := s.client.SubscribeMultiple(want, nil)
		if !t.WaitTimeout(dialTimeout) {
			return errors.New("cannot subscribe: the broker does not answer")
		}
		if err := t.Error(); err != nil {
			return fmt.Errorf("cannot subscribe: %w", err)
		}
		for _, qos := range t.(*mqtt.SubscribeToken).Result() {
			if qos > 2 {
				return errors.New("cannot subscribe: the broker refused a topic")
			}
		}
	}
	return nil
}

// publish hands over a message of QoS 0; that it was sent is not awaited.
func (s *session) publish(topic, payload string) error {
	t := s.client.Publish(topic, 0, false, payload)
	select {
	case <-t.Done():
		return t.Error()
	default:
		return nil
	}
}

func (s *session) close() {
	s.client.Disconnect(0)
}
