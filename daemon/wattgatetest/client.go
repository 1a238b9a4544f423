//go:build linux

package wattgatetest

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Client is an MQTT connection of this process, for where time is measured: it sees at once when the broker closes it.
type Client struct {
	inbox
	client mqtt.Client
	once   sync.Once
	lost   chan struct{}
	lostAt time.Time // read after lost
}

// Connect logs in at a broker (mqtt://host:port, or mqtts:// with whatever certificate answers) and subscribes. It does
// not connect again by itself.
func Connect(broker string, who Login, topics ...string) (*Client, error) {
	c := &Client{lost: make(chan struct{})}
	o := mqtt.NewClientOptions().AddBroker(broker).SetClientID("test-" + rand.Text()).
		SetUsername(who.Name).SetPassword(who.Password).
		SetAutoReconnect(false).SetConnectTimeout(5 * time.Second).
		SetTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}).
		SetConnectionLostHandler(func(mqtt.Client, error) {
			c.once.Do(func() {
				c.lostAt = time.Now()
				close(c.lost)
			})
		}).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			c.add(Message{At: time.Now(), Topic: m.Topic(), Payload: string(m.Payload()), Retained: m.Retained()})
		})
	c.client = mqtt.NewClient(o)
	if err := finish(c.client.Connect()); err != nil {
		return nil, fmt.Errorf("cannot log in: %w", err)
	}
	filters := map[string]byte{}
	for _, t := range topics {
		filters[t] = 0
	}
	if len(filters) == 0 {
		return c, nil
	}
	if err := finish(c.client.SubscribeMultiple(filters, nil)); err != nil {
		c.Close()
		return nil, fmt.Errorf("cannot subscribe: %w", err)
	}
	return c, nil
}

func finish(t mqtt.Token) error {
	if !t.WaitTimeout(10 * time.Second) {
		return errors.New("no answer within 10 s")
	}
	return t.Error()
}

// Lost is closed when the broker closed the connection; LostAt is then the time of it.
func (c *Client) Lost() <-chan struct{} { return c.lost }

// LostAt is when the connection was closed; the zero time while it stands.
func (c *Client) LostAt() time.Time {
	select {
	case <-c.lost:
		return c.lostAt
	default:
		return time.Time{}
	}
}

// Close ends the connection.
func (c *Client) Close() { c.client.Disconnect(50) }
