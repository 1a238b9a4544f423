package daemon

import (
	"io"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wattgate/wattgate/acl/acltest"
)

func TestBrokerThatLostItsMemoryGetsItBack(t *testing.T) {
	p := newPlant(t)
	l, nudged := p.link(t, p.socket())
	l.retain(topicStatus, []byte("one"))
	l.retain(topicMinute, []byte("gone soon"))
	l.retain(topicOffer, []byte("offer"))
	l.retain(topicMinute, nil)
	want := map[string]string{topicStatus: "one", topicOffer: "offer", topicAvailability: "online"}
	check := func(when string) {
		t.Helper()
		var got map[string]string
		acltest.Eventually(t, "what is retained "+when, 5*time.Second, func() bool {
			got = p.retained(t, topicStatus, topicMinute, topicOffer)
			return maps.Equal(got, want)
		})
	}
	check("at first")
	before := nudged()
	p.Restart()
	acltest.Eventually(t, "the link's return", 5*time.Second, func() bool { return nudged() > before && l.isUp() })
	check("after the broker's restart")
	p.Signal(9) // what changes while nobody is there
	acltest.Eventually(t, "the link's loss", 5*time.Second, func() bool { return !l.isUp() })
	l.retain(topicStatus, []byte("two"))
	l.retain(topicOffer, nil)
	want = map[string]string{topicStatus: "two", topicAvailability: "online"}
	p.WaitUp()
	check("after a change without a broker")
}

// The broker outlives the gateway: what an earlier run retained and this one does not must go.
func TestWhatAnEarlierRunRetainedIsSwept(t *testing.T) {
	p := newPlant(t)
	first, _ := p.link(t, p.socket())
	first.retain(topicStatus, []byte("one"))
	first.retain(topicMinute, []byte("private by now"))
	first.retain(prefixGrants+"gone", []byte("x"))
	acltest.Eventually(t, "the first run's topics", 5*time.Second, func() bool {
		return p.retained(t, topicMinute)[topicMinute] != ""
	})
	first.close()
	second, _ := p.link(t, p.socket())
	second.retain(topicStatus, []byte("one"))
	acltest.Eventually(t, "the second run's topics alone", 5*time.Second, func() bool {
		return maps.Equal(p.retained(t, topicStatus, topicMinute, prefixGrants+"gone"),
			map[string]string{topicStatus: "one", topicAvailability: "online"})
	})
}

// wire is a way to the broker that can be cut.
type wire struct {
	path string
	mu   sync.Mutex
	cons []net.Conn // guarded by mu
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	w := &wire{path: filepath.Join(filepath.Dir(to), "wire.sock")}
	l, err := net.Listen("unix", w.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); w.cut() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", to)
			if err != nil {
				near.Close()
				continue
			}
			w.mu.Lock()
			w.cons = append(w.cons, near, far)
			w.mu.Unlock()
			go io.Copy(near, far)
			go io.Copy(far, near)
		}
	}()
	return w
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range slices.Clone(w.cons) {
		c.Close()
	}
	w.cons = nil
}

func TestLastWillTellsThatTheGatewayIsGone(t *testing.T) {
	p := newPlant(t)
	w := newWire(t, p.socket())
	l, _ := p.link(t, w.path)
	reader := p.Reader(t, "", "", "", topicAvailability)
	acltest.Eventually(t, "online", 5*time.Second, func() bool { return reader.Has(topicAvailability, "online") })
	w.cut()
	acltest.Eventually(t, "offline and online again", 5*time.Second, func() bool {
		var words []string
		for _, m := range reader.Received() {
			words = append(words, m.Payload)
		}
		return slices.Equal(words, []string{"online", "offline", "online"})
	})
	acltest.Eventually(t, "the link's return", 5*time.Second, l.isUp)
	l.close()
	if got := p.retained(t)[topicAvailability]; got != "offline" {
		t.Errorf("after a clean end a newcomer finds %q", got)
	}
}
