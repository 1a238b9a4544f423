package acltest

import (
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// ErrRefused says that the broker did not accept name and password.
var ErrRefused = errors.New("login refused")

// Message is what a client received.
type Message struct{ Topic, Payload string }

// Client is an outsider's MQTT 3.1.1 connection over TCP that remembers what
// it receives.
type Client struct {
	Lost chan struct{} // closed when the broker ends the connection

	mqtt mqtt.Client
	once sync.Once

	mu  sync.Mutex
	got []Message // guarded by mu
}

// Connect logs in; name "" is anonymous, id "" a random one.
func (b *Broker) Connect(name, password, id string) (*Client, error) {
	if id == "" {
		id = rand.Text()
	}
	c := &Client{Lost: make(chan struct{})}
	o := mqtt.NewClientOptions().AddBroker("tcp://" + b.TCP).SetClientID(id).
		SetUsername(name).SetPassword(password).SetProtocolVersion(4).
		SetAutoReconnect(false).SetConnectTimeout(2 * time.Second).
		SetConnectionLostHandler(func(mqtt.Client, error) { c.once.Do(func() { close(c.Lost) }) }).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.got = append(c.got, Message{m.Topic(), string(m.Payload())})
		})
	c.mqtt = mqtt.NewClient(o)
	t := c.mqtt.Connect()
	t.Wait()
	err := t.Error()
	if errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword) || errors.Is(err, packets.ErrorRefusedNotAuthorised) {
		return nil, ErrRefused
	}
	return c, err
}

// Reader connects and subscribes, or fails the test.
func (b *Broker) Reader(t testing.TB, name, password, id string, filters ...string) *Client {
	t.Helper()
	c, err := b.Connect(name, password, id)
	if err != nil {
		t.Fatalf("cannot connect as %q: %v", name, err)
	}
	t.Cleanup(c.Close)
	c.Subscribe(t, filters...)
	return c
}

// Subscribe returns when the broker has confirmed.
func (c *Client) Subscribe(t testing.TB, filters ...string) {
	t.Helper()
	for _, f := range filters {
		if s := c.mqtt.Subscribe(f, 0, nil); !s.WaitTimeout(2*time.Second) || s.Error() != nil {
			t.Fatalf("cannot subscribe to %s: %v", f, s.Error())
		}
	}
}

// Publish sends a message of QoS 1 and returns when the broker has answered,
// which it does also when it drops the message for want of a right.
func (c *Client) Publish(t testing.TB, topic, payload string) {
	t.Helper()
	if s := c.mqtt.Publish(topic, 1, false, payload); !s.WaitTimeout(2*time.Second) || s.Error() != nil {
		t.Fatalf("cannot publish on %s: %v", topic, s.Error())
	}
}

// Received returns everything so far, in order.
func (c *Client) Received() []Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Message(nil), c.got...)
}

// Has tells whether the client received this payload on this topic.
func (c *Client) Has(topic, payload string) bool {
	return slices.Contains(c.Received(), (Message{topic, payload}))
}

// Topics returns the distinct topics received so far.
func (c *Client) Topics() map[string]bool {
	seen := map[string]bool{}
	for _, m := range c.Received() {
		seen[m.Topic] = true
	}
	return seen
}

// Close ends the connection.
func (c *Client) Close() { c.mqtt.Disconnect(0) }

// PublishUnheard sends a message of QoS 0 to a broker that may end the
// connection for it.
func (c *Client) PublishUnheard(topic, payload string) {
	c.mqtt.Publish(topic, 0, false, payload).WaitTimeout(time.Second)
}
