package front

import (
	"cmp"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Limits bound what visitors may do. "Each" is per IPv4 address or /64 network of IPv6.
type Limits struct {
	Rate        float64       // requests a second each, on average
	Burst       int           // requests at once each; a page with its parts takes about ten
	Visitors    int           // how many visitors are told apart; those beyond share one bucket
	SocketsEach int           // sockets at once each: the tabs of one household
	Sockets     int           // sockets at once in all
	ConnsEach   int           // connections at once each, but for trusted proxies; see Front.Listener
	Conns       int           // connections at once in all
	Handshake   time.Duration // how long the broker may take to accept a socket
	Write       time.Duration // how long one write to a socket may take before its reader counts as gone
	Linger      time.Duration // how long one side of a socket may go on after the other has ended
}

// DefaultLimits let a household with several tabs and a buyer that polls be, and a flood not.
func DefaultLimits() Limits {
	return Limits{
		Rate: 20, Burst: 100, Visitors: 4096,
		SocketsEach: 32, Sockets: 1000,
		ConnsEach: 128, Conns: 4096,
		Handshake: 5 * time.Second, Write: 30 * time.Second, Linger: 5 * time.Second,
	}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	return Limits{
		Rate: cmp.Or(l.Rate, d.Rate), Burst: cmp.Or(l.Burst, d.Burst), Visitors: cmp.Or(l.Visitors, d.Visitors),
		SocketsEach: cmp.Or(l.SocketsEach, d.SocketsEach), Sockets: cmp.Or(l.Sockets, d.Sockets),
		ConnsEach: cmp.Or(l.ConnsEach, d.ConnsEach), Conns: cmp.Or(l.Conns, d.Conns),
		Handshake: cmp.Or(l.Handshake, d.Handshake), Write: cmp.Or(l.Write, d.Write), Linger: cmp.Or(l.Linger, d.Linger),
	}
}

// buckets give each visitor his tokens, and forget him when his bucket is full again.
type buckets struct {
	rate    float64
	burst   float64
	most    int
	refused atomic.Uint64

	mu    sync.Mutex // guards what follows
	of    map[netip.Prefix]*bucket
	rest  bucket // of the visitors who do not fit into the map
	swept time.Time
}

type bucket struct {
	missing float64 // tokens, at the time
	at      time.Time
}

func newBuckets(rate float64, burst, most int) *buckets {
	return &buckets{rate: rate, burst: float64(burst), most: most, of: map[netip.Prefix]*bucket{}}
}

// take takes one token, or tells how long the next one takes.
func (s *buckets) take(who netip.Prefix) (wait time.Duration) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.of[who]
	if b == nil {
		b = s.add(who, now)
	}
	missing := max(0, b.missing-s.rate*now.Sub(b.at).Seconds())
	if b.at = now; missing+1 > s.burst {
		b.missing = missing
		s.refused.Add(1)
		return time.Duration((missing + 1 - s.burst) / s.rate * float64(time.Second))
	}
	b.missing = missing + 1
	return 0
}

// sweepEvery bounds what a flood of addresses costs: the map is searched for the forgettable at most so often.
const sweepEvery = time.Second

// add makes room for a new visitor, if it can.
func (s *buckets) add(who netip.Prefix, now time.Time) *bucket {
	if len(s.of) >= s.most && now.Sub(s.swept) >= sweepEvery {
		s.swept = now
		for k, b := range s.of {
			if b.missing <= s.rate*now.Sub(b.at).Seconds() {
				delete(s.of, k)
			}
		}
	}
	if len(s.of) >= s.most {
		return &s.rest
	}
	b := &bucket{at: now}
	s.of[who] = b
	return b
}

// counter counts what visitors hold at once.
type counter struct {
	all, each int

	mu   sync.Mutex // guards what follows
	n    int
	held map[netip.Prefix]int
}

// verdict is what counter.take and sockets.enter say.
type verdict int

const (
	taken verdict = iota
	fullForOne
	fullForAll
	closing // only sockets.enter says so
)

func newCounter(all, each int) *counter {
	return &counter{all: all, each: each, held: map[netip.Prefix]int{}}
}

// take must be followed by give if it says taken. With unbounded, only the sum counts.
func (c *counter) take(who netip.Prefix, unbounded bool) verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.held[who] >= c.each && !unbounded:
		return fullForOne
	case c.n >= c.all:
		return fullForAll
	}
	c.n++
	c.held[who]++
	return taken
}

func (c *counter) give(who netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n--
	if c.held[who]--; c.held[who] == 0 {
		delete(c.held, who)
	}
}

func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}
