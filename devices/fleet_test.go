package devices

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
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
}

// fakePlug is one plug of a world. Its fields are guarded by world.mu.
type fakePlug struct {
	w       *world
	id      driver.Identity
	bare    bool // has no meter
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

func (w *world) Name() string    { return "fake" }
func (w *world) Ports() []uint16 { return []uint16{49153, 49154} }

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

// run starts a fleet over w in the bubble of the test, and stops it at its end.
func (w *world) run(t *testing.T, o Options) *Fleet {
	t.Helper()
	f := New(o)
	f.brands, f.search = []brand{w}, w.Search
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

func TestAMinuteIsExactly120Samples(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		p, q := w.put("10.0.0.1:49153", "A"), w.put("10.0.0.2:49153", "B")
		w.announce("10.0.0.1:49153", "A")
		w.announce("10.0.0.2:49153", "B")
		w.set(func() { p.take = 120 * time.Millisecond })
		var late, slots atomic.Int64
		f := w.run(t, Options{Config: discover, Lateness: func(d time.Duration) { late.Add(int64(d)); slots.Add(1) }})
		sleep(3 * time.Second)
		w.set(func() { p.reads, q.reads = nil, nil })
		sleep(time.Minute)
		for _, x := range []*fakePlug{p, q} {
			var reads []time.Time
			w.set(func() { reads = x.reads })
			if len(reads) != 120 {
				t.Errorf("%s was read %d times", x.id.Serial, len(reads))
			}
			for i, at := range reads {
				if d := at.Sub(reads[0]); d != time.Duration(i)*DefaultInterval {
					t.Fatalf("%s: reading %d came %v after the first", x.id.Serial, i, d)
				}
			}
		}
		if late.Load() != 0 || slots.Load() < 240 {
			t.Errorf("late by %v in %d slots of a world without delays", time.Duration(late.Load()), slots.Load())
		}
		for _, x := range f.Plugs() {
			if x.Missed != 0 || math.Abs(x.Rate-2) > 0.11 || x.Health != Online {
				t.Errorf("%+v", x)
			}
		}
	})
}

func TestASlowPlugSkipsSlotsAndDelaysNobody(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		slow, dead, good := w.put("10.0.0.1:49153", "SLOW"), w.put("10.0.0.2:49153", "DEAD"), w.put("10.0.0.3:49153", "GOOD")
		for i, s := range []string{"SLOW", "DEAD", "GOOD"} {
			w.announce(fmt.Sprintf("10.0.0.%d:49153", i+1), s)
		}
		w.set(func() { slow.take, dead.take = 700*time.Millisecond, time.Hour })
		f := w.run(t, Options{Config: discover})
		sleep(3 * time.Second)
		w.set(func() { slow.reads, good.reads = nil, nil })
		sleep(time.Minute)
		w.set(func() {
			if len(good.reads) != 120 {
				t.Errorf("the good plug was read %d times", len(good.reads))
			}
			if len(slow.reads) != 60 {
				t.Errorf("the slow plug was read %d times", len(slow.reads))
			}
			if slow.collision || dead.collision {
				t.Error("a plug was asked while it was being asked")
			}
		})
		for _, x := range f.Plugs() {
			switch x.Serial {
			case "SLOW":
				if x.Missed < 60 || x.Missed > 63 || x.Health != Online {
					t.Errorf("%+v", x)
				}
			case "DEAD":
				if x.Health != Unreachable || x.Problem == "" || x.Last.Known {
					t.Errorf("%+v", x)
				}
			}
		}
	})
}

func TestALostPlugIsToldOnceAndHeals(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		p := w.put("10.0.0.1:49153", "A")
		w.announce("10.0.0.1:49153", "A")
		var log bytes.Buffer
		f := w.run(t, Options{Config: discover, Log: slog.New(slog.NewTextHandler(&log, nil))})
		sleep(5 * time.Second)
		w.set(func() { p.broken = errors.New("bad\nday") })
		sleep(600 * time.Millisecond)
		if x := f.only(t); x.Health != Degraded {
			t.Errorf("after one or two failures: %v", x.Health)
		}
		sleep(20 * time.Minute)
		x := f.only(t)
		if x.Health != Unreachable || x.Problem != "bad?day" || x.Rate != 0 {
			t.Errorf("after 20 minutes: %+v", x)
		}
		if s := f.Sample(time.Now()); len(s) != 1 || s[0].Known || s[0].Power != 0 || s[0].Relay != RelayUnknown || !s[0].HasEnergy {
			t.Errorf("a lost plug is still expected, its power unknown: %+v", s)
		}
		w.set(func() { p.broken = nil })
		sleep(73 * time.Second)
		if x := f.only(t); x.Health != Online || x.Problem != "" {
			t.Errorf("healed: %+v", x)
		}
		for _, want := range []string{"plug found", "plug lost", "plug regained"} {
			if n := strings.Count(log.String(), want); n != 1 {
				t.Errorf("%q was told %d times:\n%s", want, n, log.String())
			}
		}
	})
}

func TestALostPlugIsLeftAlone(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		p := w.put("10.0.0.1:49153", "A")
		f := w.run(t, Options{Config: Config{Addresses: []string{"10.0.0.1:49153"}}})
		sleep(5 * time.Second)
		w.set(func() { p.broken = errors.New("no") })
		sleep(5 * time.Minute)
		w.set(func() { p.reads = nil })
		sleep(10 * time.Minute)
		w.set(func() {
			if n := len(p.reads); n < 8 || n > 13 {
				t.Errorf("asked %d times in ten minutes, about every 60 s", n)
			}
		})
		if x := f.only(t); x.Missed != 0 {
			t.Errorf("pauses were counted as %d missed slots", x.Missed)
		}
	})
}

func TestFourAnswersAreOnePlug(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		w.put("10.0.0.1:49153", "A")
		w.put("10.1.0.1:49153", "A")
		for range 2 {
			w.announce("10.0.0.1:49153", "A")
			w.announce("10.1.0.1:49153", "A")
		}
		f := w.run(t, Options{Config: discover})
		sleep(10 * time.Minute)
		f.only(t)
		w.set(func() {
			if w.asked > 8 {
				t.Errorf("asked %d times who it is", w.asked)
			}
		})
	})
}

func TestAPlugThatMovesStaysTheSame(t *testing.T) {
	for name, to := range map[string]string{"port": "10.0.0.1:49154", "address": "10.0.0.77:49153"} {
		t.Run(name, func(t *testing.T) {
			within(t, func(t *testing.T, w *world) {
				w.put("10.0.0.1:49153", "A")
				w.announce("10.0.0.1:49153", "A")
				f := w.run(t, Options{Config: discover})
				sleep(5 * time.Second)
				read := f.only(t).Read
				w.set(func() { w.plugs, w.answers = nil, nil })
				if name == "address" {
					w.announce(to, "A")
				}
				w.put(to, "A")
				sleep(15 * time.Second)
				if x := f.only(t); x.Address != to || x.Health != Online || x.Read <= read {
					t.Errorf("%+v", x)
				}
			})
		})
	}
}

func TestAnotherPlugOnAnOldAddressIsNotTheSame(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		w.put("10.0.0.1:49153", "A")
		w.announce("10.0.0.1:49153", "A")
		f := w.run(t, Options{Config: Config{Discover: true, Allow: []string{"A"}}})
		sleep(5 * time.Second)
		// A is unplugged; B gets its address at once, and its readings are not A's.
		w.set(func() { w.answers = nil })
		b := w.put("10.0.0.1:49153", "B")
		w.announce("10.0.0.1:49153", "B")
		w.set(func() { b.reading.Power = 1 })
		f.Nudge()
		sleep(30 * time.Second)
		for _, x := range f.Plugs() {
			if x.Serial == "A" && x.Health != Unreachable {
				t.Errorf("A: %+v", x)
			}
		}
		if s := f.Sample(time.Now()); len(s) != 1 || s[0].Known {
			t.Errorf("%+v", s)
		}
		// A comes back elsewhere.
		w.put("10.0.0.2:49153", "A")
		w.announce("10.0.0.2:49153", "A")
		sleep(30 * time.Second)
		if s := f.Sample(time.Now()); len(s) != 1 || !s[0].Known || s[0].Power != 100_000 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAnotherPlugMayMoveInAtAConfiguredAddress(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		w.put("10.0.0.1:49153", "A")
		f := w.run(t, Options{Config: Config{Addresses: []string{"10.0.0.1"}}})
		sleep(5 * time.Second)
		w.set(func() { w.plugs = nil })
		sleep(time.Minute)
		if x := f.only(t); x.Serial != "A" || x.Health != Unreachable {
			t.Errorf("%+v", x)
		}
		w.put("10.0.0.1:49154", "B")
		sleep(2 * time.Minute)
		s := f.Sample(time.Now())
		if len(s) != 2 || s[0].Known || !s[1].Known {
			t.Errorf("A is lost, B is read: %+v", s)
		}
	})
}

func TestOnlyAllowedPlugsCount(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		w.put("10.0.0.1:49153", "A")
		b, c := w.put("10.0.0.2:49153", "B"), w.put("10.0.0.3:49153", "C")
		w.set(func() { c.bare = true })
		for i, s := range []string{"A", "B", "C"} {
			w.announce(fmt.Sprintf("10.0.0.%d:49153", i+1), s)
		}
		f := w.run(t, Options{Config: Config{Discover: true, Allow: []string{"A", "C"}}})
		sleep(30 * time.Second)
		if s := f.Sample(time.Now()); len(s) != 1 || s[0].Serial != "A" {
			t.Errorf("counted: %+v", s)
		}
		w.set(func() {
			if len(b.reads) != 0 {
				t.Error("a plug that does not count was read")
			}
		})
		var health []string
		for _, p := range f.Plugs() {
			health = append(health, fmt.Sprint(p.Serial, " ", p.Health, " ", p.Allowed))
		}
		if got := strings.Join(health, ", "); got != "A online true, B verified false, C unmetered true" {
			t.Errorf("listed: %s", got)
		}
		read := f.Plugs()[0].Read
		f.Apply(discover)
		sleep(5 * time.Second)
		s := f.Sample(time.Now())
		if len(s) != 2 || !s[0].Known || !s[1].Known {
			t.Errorf("counted after Apply: %+v", s)
		}
		if got := f.Plugs()[0].Read; got < read+9 {
			t.Errorf("A lost its readings: %d, then %d", read, got)
		}
		f.Apply(Config{Discover: true, Allow: []string{"B"}})
		sleep(5 * time.Second)
		if s := f.Sample(time.Now()); len(s) != 1 || s[0].Serial != "B" {
			t.Errorf("counted after the second Apply: %+v", s)
		}
		if total, _ := f.Energy(); total != 20_000 {
			t.Errorf("the total is %d mWh: A left, its energy stays", total)
		}
	})
}

func TestWorkedExampleThroughTheFleet(t *testing.T) {
	w := &world{}
	fake := w.put("10.0.0.1:49153", "A")
	f := New(Options{})
	start := f.epoch.Add(time.Hour)
	f.admit(found{id: fake.id, brand: w, meter: fakeMeter{}}, false, start)
	p := f.plugs["uuid:A"]
	read := func(from, to time.Duration, r driver.Reading) {
		for at := from; at <= to; at += DefaultInterval {
			f.note(p, r, nil, start.Add(at))
		}
	}
	read(0, 30*time.Second, driver.Reading{Relay: RelayOn, Power: 100_000, HasPower: true})
	// Switched off, the meter still shows the old power: that is 0 W.
	read(50*time.Second, time.Minute, driver.Reading{Relay: RelayOff, Power: 100_000, HasPower: true})

	a := f.Average(start.Add(time.Minute), time.Minute)
	if len(a) != 1 || math.Abs(float64(a[0].Mean)-3250/42.5) > 1e-9 || math.Abs(a[0].Coverage-42.5/60) > 1e-9 || !a[0].Known {
		t.Errorf("%+v, want 76.4706 W over 42.5 s", a)
	}
	if a := f.Average(start.Add(50*time.Second), 30*time.Second); a[0].Known || math.Abs(a[0].Coverage-12.5/30) > 1e-9 {
		t.Errorf("below one half the mean is unknown: %+v", a)
	}
	if a := f.Average(start.Add(time.Minute), 0); a[0].Known || a[0].Mean != 0 || a[0].Coverage != 0 {
		t.Errorf("an empty window: %+v", a)
	}
}

func TestTenThousandFakesStayBounded(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		w.put("10.9.9.9:49153", "MINE")
		for i := range 10_000 {
			addr := fmt.Sprintf("10.%d.%d.1:49153", i/250, i%250)
			if i%2 == 0 {
				w.put(addr, fmt.Sprint("FAKE", i))
			}
			w.announce(addr, fmt.Sprint("FAKE", i))
		}
		w.announce("10.9.9.9:49153", "MINE")
		f := w.run(t, Options{Config: Config{Discover: true, Allow: []string{"MINE"}}})
		sleep(time.Minute)
		if n := len(f.Plugs()); n > maxPlugs+maxPending {
			t.Errorf("%d plugs kept", n)
		}
		if s := f.Sample(time.Now()); len(s) != 1 || !s[0].Known {
			t.Errorf("the owner's plug drowned: %+v", s)
		}
	})
}

func TestUnknownIsNotZero(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		p := w.put("10.0.0.1:49153", "A")
		w.set(func() { p.reading = driver.Reading{Relay: RelayOn} })
		f := w.run(t, Options{Config: Config{Addresses: []string{"10.0.0.1:49153"}}})
		sleep(3 * time.Second)
		s := f.Sample(time.Now())
		if len(s) != 1 || s[0].Known || s[0].HasEnergy {
			t.Errorf("%+v", s)
		}
		if a := f.Average(time.Now(), time.Second); a[0].Known || a[0].Coverage != 0 {
			t.Errorf("%+v", a)
		}
		if x := f.only(t); x.Problem != "the plug did not tell its power" {
			t.Errorf("%+v", x)
		}
	})
}

func TestEnergyGoesOnOverOurRestart(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		w.put("10.0.0.1:49153", "A")
		f := w.run(t, Options{
			Config: Config{Addresses: []string{"10.0.0.1:49153"}},
			Energy: map[string]EnergyState{"uuid:A": {Last: 599_400, Counted: 6_000_000}, "uuid:GONE": {Last: 1, Counted: 60}},
		})
		sleep(3 * time.Second)
		total, state := f.Energy()
		if total != (6_000_600+60)/60 || state["uuid:A"] != (EnergyState{Last: 600_000, Counted: 6_000_600}) || state["uuid:GONE"].Counted != 60 {
			t.Errorf("total %d, %+v", total, state)
		}
		if s := f.Sample(time.Now()); s[0].Energy != 100_010 {
			t.Errorf("%+v", s)
		}
	})
}
