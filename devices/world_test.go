package devices

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
	"github.com/wattgate/wattgate/devices/ssdp"
)

// world is a network of plugs without sockets, so that time can be simulated.
// It is the only brand of the fleets in these tests.
type world struct {
	mu      sync.Mutex // guards what follows
	plugs   map[netip.AddrPort]*fakePlug
	answers []ssdp.Answer
	asked   int // descriptions fetched
	hear    func(ssdp.Notice)
	changed func()
	boxes   map[netip.Addr]func(sid string, body io.Reader) error
}

// fakePlug is one plug of a world. Its fields are guarded by world.mu.
type fakePlug struct {
	w       *world
	id      driver.Identity
	bare    bool     // has no meter
	talks   bool     // it can be subscribed to
	sids    []string // it knows; the last one is used for events
	renewed int
	take    time.Duration
	broken  error
	reading driver.Reading

	reads     []time.Time
	busy      bool
	collision bool // it was asked while it was being asked
}

func (w *world) put(addr, serial string) *fakePlug {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &fakePlug{w: w, id: driver.Identity{UDN: "uuid:" + serial, Serial: serial, FriendlyName: "plug " + serial}}
	p.reading = driver.Reading{Relay: RelayOn, Power: 100_000, HasPower: true, Total: 600_000, HasTotal: true}
	if w.plugs == nil {
		w.plugs = map[netip.AddrPort]*fakePlug{}
	}
	w.plugs[netip.MustParseAddrPort(addr)] = p
	return p
}

func (w *world) announce(addr, serial string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers = append(w.answers, ssdp.Answer{UDN: "uuid:" + serial, At: driver.Location{Addr: netip.MustParseAddrPort(addr), Path: "/setup.xml"}})
}

func (w *world) set(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
}

func (w *world) Name() string      { return "fake" }
func (w *world) Targets() []string { return nil }
func (w *world) Ports() []uint16   { return []uint16{49153, 49154} }

func (w *world) Describe(_ context.Context, at driver.Location) (driver.Identity, driver.Meter, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	p := w.plugs[at.Addr]
	switch {
	case p == nil:
		return driver.Identity{}, nil, errors.New("nobody there")
	case p.bare:
		return p.id, nil, nil
	}
	if p.talks {
		return p.id, fakeTalker{fakeMeter{w, at.Addr}}, nil
	}
	return p.id, fakeMeter{w, at.Addr}, nil
}

func (w *world) Search(ctx context.Context, _ string, _ []string) ([]ssdp.Answer, error) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]ssdp.Answer(nil), w.answers...), nil
}

func (w *world) Listen(ctx context.Context, _ string, _ []string, hear func(ssdp.Notice), changed func()) {
	w.set(func() { w.hear, w.changed = hear, changed })
	<-ctx.Done()
}

// fakeMeter reads whoever lives at an address, as a real meter does.
type fakeMeter struct {
	w    *world
	addr netip.AddrPort
}

func (m fakeMeter) Read(ctx context.Context) (driver.Reading, error) {
	m.w.mu.Lock()
	p := m.w.plugs[m.addr]
	if p == nil {
		m.w.mu.Unlock()
		return driver.Reading{}, errors.New("the plug refuses connections")
	}
	p.collision = p.collision || p.busy
	p.busy = true
	p.reads = append(p.reads, time.Now())
	take := p.take
	m.w.mu.Unlock()
	var err error
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(take):
	}
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	p.busy = false
	if err == nil {
		err = p.broken
	}
	return p.reading, err
}

// fakeTalker can be subscribed to.
type fakeTalker struct{ fakeMeter }

func (m fakeTalker) Subscribe(_ context.Context, callback, sid string) (string, time.Duration, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	p := m.w.plugs[m.addr]
	switch {
	case p == nil || callback == "":
		return "", 0, errors.New("the plug refuses connections")
	case sid != "" && !slices.Contains(p.sids, sid):
		return "", 0, driver.ErrUnsubscribed
	case sid == "":
		sid = fmt.Sprint("uuid:", p.id.Serial, len(p.sids))
		p.sids = append(p.sids, sid)
	default:
		p.renewed++
	}
	return sid, 1800 * time.Second, nil
}

func (m fakeTalker) Unsubscribe(_ context.Context, sid string) error {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	if p := m.w.plugs[m.addr]; p != nil {
		p.sids = slices.DeleteFunc(p.sids, func(s string) bool { return s == sid })
	}
	return nil
}

// Event reads a power in mW.
func (m fakeTalker) Event(body io.Reader) (driver.Reading, error) {
	r := driver.Reading{Relay: RelayOn, HasPower: true, Total: 600_000, HasTotal: true}
	_, err := fmt.Fscan(body, &r.Power)
	return r, err
}

func (w *world) receive(from netip.Addr, take func(string, io.Reader) error) (string, func(), error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.boxes == nil {
		w.boxes = map[netip.Addr]func(string, io.Reader) error{}
	}
	w.boxes[from] = take
	return "http://here/", func() { w.set(func() { delete(w.boxes, from) }) }, nil
}

// send lets the plug at addr send an event.
func (w *world) send(addr string, power Milliwatts) error {
	at := netip.MustParseAddrPort(addr)
	w.mu.Lock()
	take, sid := w.boxes[at.Addr()], ""
	if p := w.plugs[at]; p != nil && len(p.sids) > 0 {
		sid = p.sids[len(p.sids)-1]
	}
	w.mu.Unlock()
	if take == nil || sid == "" {
		return errors.New("not subscribed")
	}
	return take(sid, strings.NewReader(fmt.Sprint(int64(power))))
}

// run starts a fleet over w in the bubble of the test, and stops it at its end.
func (w *world) run(t *testing.T, o Options) *Fleet {
	t.Helper()
	f := New(o)
	f.brands, f.search, f.listen, f.receive = []brand{w}, w.Search, w.Listen, w.receive
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return f
}

// within runs one simulated world.
func within(t *testing.T, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) { test(t, &world{}) })
}

func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

var discover = Config{Discover: true}

func (f *Fleet) only(t *testing.T) Plug {
	t.Helper()
	ps := f.Plugs()
	if len(ps) != 1 {
		t.Fatalf("%d plugs instead of one: %+v", len(ps), ps)
	}
	return ps[0]
}
