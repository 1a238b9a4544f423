//go:build linux

package fronttest

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Client is an MQTT connection over WebSockets.
type Client struct {
	Lost chan struct{} // closed at its first end that was not its own wish
	Got  chan Message  // in order; what nobody fetches is lost

	mqtt mqtt.Client
}

// Message is what a client received, and when.
type Message struct {
	Payload string
	At      time.Time
}

// Dial connects a client to ws:// or wss://, whose certificate it does not check. Headers may be nil.
func Dial(url string, headers http.Header, again bool) (*Client, error) {
	c := &Client{Lost: make(chan struct{}), Got: make(chan Message, 1024)}
	var once sync.Once
	o := mqtt.NewClientOptions().AddBroker(url).SetClientID("t" + rand.Text()[:20]).SetHTTPHeaders(headers).
		SetConnectTimeout(10 * time.Second).SetAutoReconnect(again).SetMaxReconnectInterval(50 * time.Millisecond).
		SetTLSConfig(&tls.Config{InsecureSkipVerify: true}).
		SetConnectionLostHandler(func(mqtt.Client, error) { once.Do(func() { close(c.Lost) }) }).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			select {
			case c.Got <- Message{string(m.Payload()), time.Now()}:
			default:
			}
		})
	c.mqtt = mqtt.NewClient(o)
	return c, finish(c.mqtt.Connect())
}

func finish(t mqtt.Token) error {
	if !t.WaitTimeout(15 * time.Second) {
		return errors.New("no answer within 15 s")
	}
	return t.Error()
}

// MustDial is Dial without headers for as long as the test runs.
func MustDial(t testing.TB, url string) *Client {
	t.Helper()
	c, err := Dial(url, nil, false)
	if err != nil {
		t.Fatalf("cannot connect to %s: %v", url, err)
	}
	t.Cleanup(c.Close)
	return c
}

// Subscribe returns when the broker has confirmed.
func (c *Client) Subscribe(topic string) error { return finish(c.mqtt.Subscribe(topic, 0, nil)) }

// MustSubscribe is Subscribe, or the test fails.
func (c *Client) MustSubscribe(t testing.TB, topic string) {
	t.Helper()
	if err := c.Subscribe(topic); err != nil {
		t.Fatalf("cannot subscribe to %s: %v", topic, err)
	}
}

// Publish sends a message of QoS 1 and returns when the broker has it.
func (c *Client) Publish(t testing.TB, topic, payload string) {
	t.Helper()
	if err := finish(c.mqtt.Publish(topic, 1, false, payload)); err != nil {
		t.Fatalf("cannot publish on %s: %v", topic, err)
	}
}

// Send sends a message of QoS 0 and waits for nothing.
func (c *Client) Send(topic, payload string) { c.mqtt.Publish(topic, 0, false, payload) }

// Next is the next payload, or the test fails.
func (c *Client) Next(t testing.TB) string {
	t.Helper()
	select {
	case m := <-c.Got:
		return m.Payload
	case <-time.After(15 * time.Second):
		t.Fatal("no message within 15 s")
		return ""
	}
}

// Connected tells whether the client is connected now.
func (c *Client) Connected() bool { return c.mqtt.IsConnectionOpen() }

// Close ends the connection.
func (c *Client) Close() { c.mqtt.Disconnect(0) }

// From is an address on which whoever connects reaches target as a visitor from ip, one of 127.0.0.0/8.
func From(t testing.TB, ip, target string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: 10 * time.Second}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go relay(&dialer, in, target)
		}
	}()
	return l.Addr().String()
}

func relay(dialer *net.Dialer, in net.Conn, target string) {
	defer in.Close()
	out, err := dialer.Dial("tcp", target)
	if err != nil {
		return
	}
	defer out.Close()
	var wg sync.WaitGroup
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		wg.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].(*net.TCPConn).CloseWrite()
		})
	}
	wg.Wait()
}
