package devices

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/wattgate/wattgate/devices/ssdp"
)

// Fleet is all plugs.
type Fleet struct {
	log      *slog.Logger
	lateness func(time.Duration)
	epoch    time.Time // the fleet's start; times in histories count from here
	brands   []brand
	search   func(ctx context.Context, iface string, targets []string) ([]ssdp.Answer, error)
	listen   func(ctx context.Context, iface string, targets []string, hear func(ssdp.Notice), changed func())
	receive  func(from netip.Addr, take func(sid string, body io.Reader) error) (url string, stop func(), err error)

	changed chan struct{}    // capacity 1: who is to be sampled may have changed
	nudged  chan struct{}    // capacity 1: search now
	applied chan struct{}    // capacity 1: the configuration changed
	notices chan ssdp.Notice // what plugs announce, not yet acted upon; the surplus is dropped

	mu       sync.Mutex // guards what follows
	cfg      Config
	plugs    map[string]*plug    // by UDN, at most maxPlugs
	energy   map[string]*counter // by UDN, every plug that ever counted, at most maxCounters
	pending  map[string]*pending // found but not yet verified, at most maxPending
	eager    time.Time           // until then plugs that are missing are searched for often
	crowded  bool                // a plug was refused for lack of room, and that was logged
	searched error               // of the last search, so that it is logged once
}

// New prepares a fleet. It does no I/O; Run does.
func New(o Options) *Fleet {
	f := &Fleet{
		log:      o.Log,
		lateness: o.Lateness,
		epoch:    time.Now(),
		brands:   brands(),
		search:   ssdp.Search,
		listen:   ssdp.Listen,
		receive:  receive,
		changed:  make(chan struct{}, 1),
		nudged:   make(chan struct{}, 1),
		applied:  make(chan struct{}, 1),
		notices:  make(chan ssdp.Notice, maxNotices),
		plugs:    map[string]*plug{},
		energy:   map[string]*counter{},
		pending:  map[string]*pending{},
	}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	if f.lateness == nil {
		f.lateness = func(time.Duration) {}
	}
	for udn, s := range o.Energy {
		f.energy[udn] = resume(s)
	}
	f.configure(o.Config)
	return f
}

// configure takes over a configuration.
func (f *Fleet) configure(c Config) {
	c.Addresses, c.Allow = slices.Clone(c.Addresses), slices.Clone(c.Allow)
	if c.Interval <= 0 {
		c.Interval = DefaultInterval
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cfg = c
	f.eager = time.Now().Add(eagerFor)
	for _, p := range f.pending {
		p.after = time.Time{} // what failed may be what was just corrected
	}
}

// Run finds and samples plugs until ctx ends, and returns when every goroutine
// has ended: at once, or within a second if a search is under way. It is called
// once.
func (f *Fleet) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { f.discover(ctx) })
	wg.Go(func() { f.overhear(ctx) })
	wg.Go(func() { f.heed(ctx) })
	running := map[string]sampler{}
	for {
		f.reconcile(ctx, &wg, running)
		select {
		case <-ctx.Done():
			return nil
		case <-f.changed:
		}
	}
}

// sampler is a running goroutine that samples one plug.
type sampler struct {
	plug     *plug
	interval time.Duration
	events   bool
	stop     context.CancelFunc
}

// reconcile starts and stops samplers until exactly the expected plugs are
// sampled at the configured rate. running is owned by Run.
func (f *Fleet) reconcile(ctx context.Context, wg *sync.WaitGroup, running map[string]sampler) {
	f.mu.Lock()
	interval, events := f.cfg.Interval, f.cfg.Events
	wanted := map[string]*plug{}
	for _, p := range f.expected() {
		wanted[p.udn] = p
	}
	f.mu.Unlock()
	for udn, s := range running {
		if wanted[udn] != s.plug || s.interval != interval || s.events != events {
			s.stop()
			delete(running, udn)
			f.rest(s.plug, wanted[udn] == nil)
		}
	}
	for _, udn := range slices.Sorted(maps.Keys(wanted)) {
		if _, ok := running[udn]; ok {
			continue
		}
		sctx, stop := context.WithCancel(ctx)
		p := wanted[udn]
		running[udn] = sampler{p, interval, events, stop}
		wg.Go(func() {
			defer stop()
			f.sample(sctx, p, interval, events)
		})
	}
}

// rest notes that a plug is no longer sampled: its last state says nothing about
// it from now on.
func (f *Fleet) rest(p *plug, really bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if really && p.meter != nil {
		p.enter(Verified, "", time.Now())
	}
}

// Apply changes the configuration. Plugs that stay keep their readings, and a
// search begins at once.
func (f *Fleet) Apply(c Config) {
	f.configure(c)
	signal(f.changed)
	signal(f.nudged)
	signal(f.applied)
}

// Nudge searches now, and for a minute often for what is missing.
func (f *Fleet) Nudge() {
	f.mu.Lock()
	f.eager = time.Now().Add(eagerFor)
	f.mu.Unlock()
	signal(f.nudged)
}

// signal wakes the reader of a channel of capacity 1, now or when it is ready.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// allowed reports whether a serial counts. The caller holds mu.
func (f *Fleet) allowed(serial string) bool {
	return len(f.cfg.Allow) == 0 || slices.Contains(f.cfg.Allow, serial)
}

// expected returns the plugs that count, sorted by UDN. The caller holds mu.
func (f *Fleet) expected() []*plug {
	var out []*plug
	for _, udn := range slices.Sorted(maps.Keys(f.plugs)) {
		if p := f.plugs[udn]; p.meter != nil && f.allowed(p.id.Serial) {
			out = append(out, p)
		}
	}
	return out
}
