//go:build linux

package main

import (
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// The distances of two messages of the streams.
const (
	slowEvery = 500 * time.Millisecond
	fastEvery = time.Millisecond
)

// streams are one publisher and two subscribers with a grant.
type streams struct {
	publisher mqtt.Client
	slow      *wattgatetest.Client
	fast      *wattgatetest.Client
	quit      chan struct{}
	done      sync.WaitGroup
	since     time.Time
}

func startStreams(b *scaleBroker, w *scaleRights) (*streams, error) {
	s := &streams{quit: make(chan struct{})}
	var err error
	if s.slow, err = wattgatetest.Connect(b.url, w.login(1), slowTopic); err != nil {
		return nil, err
	}
	if s.fast, err = wattgatetest.Connect(b.url, w.login(2), fastTopic); err != nil {
		return nil, err
	}
	s.publisher = mqtt.NewClient(mqtt.NewClientOptions().AddBroker(b.url).SetClientID("bench-publisher").
		SetUsername(w.publisher.Name).SetPassword(w.publisher.Password).SetAutoReconnect(false).SetWriteTimeout(30 * time.Second))
	t := s.publisher.Connect()
	if t.Wait(); t.Error() != nil {
		return nil, t.Error()
	}
	s.publish(slowTopic, slowEvery)
	s.publish(fastTopic, fastEvery)
	return s, nil
}

func (s *streams) publish(topic string, every time.Duration) {
	payload := make([]byte, 120)
	s.done.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-s.quit:
				return
			case <-tick.C:
				s.publisher.Publish(topic, 0, false, payload)
			}
		}
	})
}

// reset begins the measurement.
func (s *streams) reset() { s.since = time.Now() }

// gaps are the longest pauses since reset, beyond the usual one.
func (s *streams) gaps() (slow, fast time.Duration) {
	return s.longest(s.slow, slowTopic) - slowEvery, s.longest(s.fast, fastTopic) - fastEvery
}

func (s *streams) longest(c *wattgatetest.Client, topic string) time.Duration {
	last, longest := s.since, time.Duration(0)
	for _, m := range c.Messages(topic) {
		if m.At.After(s.since) {
			longest, last = max(longest, m.At.Sub(last)), m.At
		}
	}
	return longest
}

func (s *streams) stop() {
	close(s.quit)
	s.done.Wait()
	s.slow.Close()
	s.fast.Close()
	s.publisher.Disconnect(0)
}
