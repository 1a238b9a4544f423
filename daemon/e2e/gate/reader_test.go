//go:build linux

package gate

import (
	"crypto/rand"
	"crypto/tls"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// reader is a subscriber that comes back by itself, a second after it lost its connection as mosquitto_sub does, also
// when it was refused.
type reader struct {
	client mqtt.Client

	mu   sync.Mutex
	got  []wattgatetest.Message // guarded by mu
	lost []time.Time            // guarded by mu: when a connection ended
}

// newReader connects to a broker's address (mqtt, mqtts or ws) and keeps at it until the end of the test.
func newReader(t *testing.T, broker string, who wattgatetest.Login, filters ...string) *reader {
	t.Helper()
	r := &reader{}
	wanted := map[string]byte{}
	for _, f := range filters {
		wanted[f] = 0
	}
	subscribed := make(chan struct{}, 1)
	o := mqtt.NewClientOptions().AddBroker(broker).SetClientID("reader-" + rand.Text()).
		SetUsername(who.Name).SetPassword(who.Password).
		SetAutoReconnect(true).SetMaxReconnectInterval(time.Second).
		SetConnectRetry(true).SetConnectRetryInterval(time.Second).SetConnectTimeout(5 * time.Second).
		// Whose certificate it is does not matter here: the tests of TLS ask that.
		SetTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { r.add(m) }).
		SetConnectionLostHandler(func(mqtt.Client, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.lost = append(r.lost, time.Now())
		}).
		SetOnConnectHandler(func(c mqtt.Client) {
			if s := c.SubscribeMultiple(wanted, nil); s.WaitTimeout(10*time.Second) && s.Error() == nil {
				select {
				case subscribed <- struct{}{}:
				default:
				}
			}
		})
	r.client = mqtt.NewClient(o)
	r.client.Connect()
	t.Cleanup(func() { r.client.Disconnect(0) })
	select {
	case <-subscribed:
	case <-time.After(20 * time.Second):
		t.Fatalf("not subscribed at %s after 20 s", broker)
	}
	return r
}

func (r *reader) add(m mqtt.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, wattgatetest.Message{At: time.Now(), Topic: m.Topic(), Payload: string(m.Payload()), Retained: m.Retained()})
}

// losses counts the connections that ended without our doing.
func (r *reader) losses() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.lost)
}

// messages returns what came on a topic so far, or on all for "".
func (r *reader) messages(topic string) []wattgatetest.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []wattgatetest.Message
	for _, m := range r.got {
		if topic == "" || m.Topic == topic {
			out = append(out, m)
		}
	}
	return out
}

// next waits for a live reading that arrives after a moment, and returns when it came.
func (r *reader) next(t *testing.T, after time.Time, within time.Duration) time.Time {
	t.Helper()
	var at time.Time
	eventually(t, within, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i := len(r.got) - 1; i >= 0 && r.got[i].At.After(after); i-- {
			if r.got[i].Topic == live {
				at = r.got[i].At
			}
		}
		return expect(!at.IsZero(), "no live reading has come")
	})
	return at
}

// gap is the longest pause between two live readings since a moment.
func (r *reader) gap(since time.Time) time.Duration {
	var longest time.Duration
	var last time.Time
	for _, m := range r.messages(live) {
		if m.At.Before(since) {
			continue
		}
		if !last.IsZero() {
			longest = max(longest, m.At.Sub(last))
		}
		last = m.At
	}
	return longest
}

// isPaid tells whether strangers must not receive a topic.
func isPaid(topic string) bool {
	return topic == live || strings.HasPrefix(topic, live+"/") || strings.HasPrefix(topic, "sensor/plug/")
}

// stolen are the paid messages among those a stranger received.
func stolen(messages []wattgatetest.Message) []wattgatetest.Message {
	var out []wattgatetest.Message
	for _, m := range messages {
		if isPaid(m.Topic) {
			out = append(out, m)
		}
	}
	return out
}
