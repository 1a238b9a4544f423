//go:build linux

package wattgatetest

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Message is what an MQTT client received.
type Message struct {
	At       time.Time // when it arrived
	Topic    string
	Payload  string
	Retained bool
}

// inbox keeps what a client received.
type inbox struct {
	mu  sync.Mutex
	got []Message // guarded by mu
}

func (b *inbox) add(m Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, m)
}

// Messages returns what arrived so far on the topics named, or on all.
func (b *inbox) Messages(topics ...string) []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Message
	for _, m := range b.got {
		wanted := len(topics) == 0
		for _, t := range topics {
			wanted = wanted || t == m.Topic
		}
		if wanted {
			out = append(out, m)
		}
	}
	return out
}

// Await waits until n messages have arrived on a topic, and returns them.
func (b *inbox) Await(ctx context.Context, within time.Duration, n int, topic string) ([]Message, error) {
	err := Eventually(ctx, within, func() error {
		if got := len(b.Messages(topic)); got < n {
			return fmt.Errorf("%d of %d messages have come on %s", got, n, topic)
		}
		return nil
	})
	return b.Messages(topic), err
}
