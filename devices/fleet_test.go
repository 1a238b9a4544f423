package devices

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
)

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
		sleep(15 * time.Second) // then the slow one is spared, and misses nothing
		w.set(func() {
			if len(good.reads) != 30 {
				t.Errorf("the good plug was read %d times", len(good.reads))
			}
			if len(slow.reads) != 15 {
				t.Errorf("the slow plug was read %d times", len(slow.reads))
			}
			if slow.collision || dead.collision {
				t.Error("a plug was asked while it was being asked")
			}
		})
		for _, x := range f.Plugs() {
			switch x.Serial {
			case "SLOW":
				if x.Missed < 15 || x.Missed > 18 || x.Health != Online {
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
