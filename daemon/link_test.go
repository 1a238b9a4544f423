package daemon

import (
	"context"
	"log/slog"
	"maps"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/acl/acltest"
	"github.com/wattgate/wattgate/daemon/config"
)

func TestMain(m *testing.M) { acltest.Main(m) }

// unconnected is a link that never reaches a broker.
func unconnected(t *testing.T) *link {
	return newLink(filepath.Join(t.TempDir(), "no.sock"), "u", "p", func() {}, slog.New(slog.DiscardHandler))
}

func (l *link) held() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]string{}
	for topic, payload := range l.retained {
		out[topic] = string(payload)
	}
	return out
}

func TestRetainedIsRememberedWithoutABroker(t *testing.T) {
	l := unconnected(t)
	check := func(want map[string]string) {
		t.Helper()
		if got := l.held(); !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	l.retain("a/1", []byte("x"))
	l.retain("a/2", []byte("y"))
	l.retain("a/2", []byte("z"))
	l.retain("b/1", []byte("w"))
	check(map[string]string{"a/1": "x", "a/2": "z", "b/1": "w"})
	l.retain("a/1", nil)
	l.retain("never", []byte{})
	check(map[string]string{"a/2": "z", "b/1": "w"})
	l.retainOnly("a/", map[string][]byte{"a/3": []byte("v")})
	check(map[string]string{"a/3": "v", "b/1": "w"})
	l.retainOnly("a/", map[string][]byte{"a/3": []byte("u"), "a/4": []byte("t")})
	check(map[string]string{"a/3": "u", "a/4": "t", "b/1": "w"})
	l.retainOnly("", nil)
	check(map[string]string{})
}

// plant is a real broker that obeys the rights of a gateway at level live.
type plant struct {
	*acltest.Broker
	user, password string
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	b := acltest.Start(t)
	gate := acl.New(acl.Config{Dir: b.Dir, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- gate.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	bounded, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	if _, err := gate.Apply(bounded, policyFor(audience{level: config.Live, selling: true}, nil)); err != nil {
		t.Fatal(err)
	}
	publisher, password := gate.Publisher()
	return &plant{b, publisher.Name, password}
}

func (p *plant) socket() string { return filepath.Join(p.Dir, "broker.sock") }

// link connects through a socket; nudged counts its connects.
func (p *plant) link(t *testing.T, socket string) (l *link, nudged func() int) {
	t.Helper()
	var mu sync.Mutex
	var n int
	l = newLink(socket, p.user, p.password, func() { mu.Lock(); n++; mu.Unlock() }, slog.New(slog.DiscardHandler))
	l.connect()
	t.Cleanup(func() { l.inbox.close(); l.client.Disconnect(0) })
	acltest.Eventually(t, "the link", 5*time.Second, func() bool { return l.isUp() && l.inbox.up.Load() })
	return l, func() int { mu.Lock(); defer mu.Unlock(); return n }
}

// retained is what a newcomer finds on the free topics.
func (p *plant) retained(t *testing.T, filters ...string) map[string]string {
	t.Helper()
	c := p.Reader(t, "", "", "", append(filters, topicAvailability)...)
	defer c.Close()
	// The broker sends what is retained in the order of the subscriptions: availability ends the list.
	out := map[string]string{}
	acltest.Eventually(t, "what is retained", 5*time.Second, func() bool { return c.Topics()[topicAvailability] })
	for _, m := range c.Received() {
		out[m.Topic] = m.Payload
	}
	return out
}

func TestRepliesAndReadingsAreNotRetained(t *testing.T) {
	p := newPlant(t)
	l, _ := p.link(t, p.socket())
	const id = "buyer-0123456789abcdefghij"
	buyer := p.Reader(t, "", "", id, prefixReplies+id)
	other := p.Reader(t, "", "", "", prefixReplies+id, topicMinute)
	topic, _ := replyTopic(id)
	l.reply(topic, []byte("invoice"))
	l.reading(topicMinute, []byte("1"))
	acltest.Eventually(t, "the reply", 5*time.Second, func() bool { return buyer.Has(topic, "invoice") })
	acltest.Eventually(t, "the reading", 5*time.Second, func() bool { return other.Has(topicMinute, "1") })
	if other.Topics()[topic] {
		t.Error("somebody else read the reply")
	}
	if got := p.retained(t, topicMinute); len(got) != 1 {
		t.Errorf("retained: %v", got)
	}
}
