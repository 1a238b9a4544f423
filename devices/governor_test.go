package devices

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestGovernor(t *testing.T) {
	const base = DefaultInterval
	var g governor
	now := time.Now()
	observe := func(n int, took time.Duration) {
		for range n {
			now = now.Add(g.interval(base))
			g.observe(took, base, now)
		}
	}
	expect := func(what string, want time.Duration) {
		t.Helper()
		if got := g.interval(base); got != want {
			t.Errorf("%s: every %v, want every %v", what, got, want)
		}
	}
	observe(1000, 250*time.Millisecond)
	expect("all readings at the limit", base)
	for range 50 {
		observe(1, 2*time.Second)
		observe(19, 100*time.Millisecond)
	}
	expect("5 % slow", base)
	observe(2, 2*time.Second) // the first pushes out an old one
	expect("more than 5 % slow", 2*base)
	observe(19, time.Second)
	expect("too few to judge the new rate", 2*base)
	observe(1, time.Second)
	expect("slow at 1 Hz too", 4*base)
	observe(1000, 2*time.Second)
	expect("never below 0.5 Hz", 4*base)
	observe(39, time.Millisecond)
	expect("not yet recovered", 4*base)
	observe(1, time.Millisecond)
	expect("recovered", 2*base)

	// One relapse after the other makes it try more and more rarely.
	g, now = governor{}, now.Add(time.Hour)
	observe(20, time.Second)
	var tries []time.Duration
	for range 8 {
		began := now
		for g.level == 1 {
			observe(1, time.Millisecond)
		}
		tries = append(tries, now.Sub(began).Round(time.Minute))
		observe(20, time.Second)
	}
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30, 30} {
		if tries[i] != want*time.Minute {
			t.Errorf("try %d after %v, want %d min", i+1, tries[i], want)
		}
	}
	observe(3600, time.Millisecond)
	expect("healthy for an hour", base)
	observe(20, time.Second)
	if g.patience != firstPatience {
		t.Errorf("an hour of health was not enough: patience %v", g.patience)
	}
	rare := governor{}
	for range 100 {
		rare.observe(time.Second, 2*time.Second, now)
	}
	if rare.level != 0 {
		t.Error("a plug that is read as rarely as that was spared further")
	}
}

func TestAPlugInDistressIsSparedWhileTheGridStays(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		p := w.put("10.0.0.1:49153", "A")
		w.announce("10.0.0.1:49153", "A")
		f := w.run(t, Options{Config: discover})
		rate := func(span time.Duration) float64 {
			w.set(func() { p.reads = nil })
			known := 0
			for range int(span / DefaultInterval) {
				sleep(DefaultInterval)
				if f.Sample(time.Now())[0].Known {
					known++
				}
			}
			if known != int(span/DefaultInterval) {
				t.Errorf("%d slots of %d have a value", known, int(span/DefaultInterval))
			}
			var n int
			w.set(func() { n = len(p.reads) })
			return float64(n) / span.Seconds()
		}
		sleep(5 * time.Second)
		w.set(func() { p.take = 300 * time.Millisecond })
		sleep(time.Minute)
		if got := rate(time.Minute); math.Abs(got-0.5) > 0.02 {
			t.Errorf("in distress it is read at %v Hz", got)
		}
		if x := f.only(t); x.Interval != 2*time.Second || x.Problem == "" || x.Health != Online || x.Missed != 0 {
			t.Errorf("%+v", x)
		}
		w.set(func() { p.take = 50 * time.Millisecond })
		sleep(4 * time.Minute)
		if got := rate(time.Minute); math.Abs(got-2) > 0.02 {
			t.Errorf("recovered it is read at %v Hz", got)
		}
		if x := f.only(t); x.Interval != DefaultInterval || x.Problem != "" {
			t.Errorf("%+v", x)
		}
	})
}

// Real firmware refuses connections for up to 17.5 minutes and then heals.
func TestSeventeenMinutesOfRefusalsHeal(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		p := w.put("10.0.0.1:49153", "A")
		w.announce("10.0.0.1:49153", "A")
		f := w.run(t, Options{Config: discover})
		sleep(5 * time.Second)
		w.set(func() { p.broken = errors.New("the plug refuses connections") })
		sleep(17*time.Minute + 30*time.Second)
		w.set(func() { p.broken = nil })
		sleep(73 * time.Second)
		if x := f.only(t); x.Health != Online || x.Interval != DefaultInterval {
			t.Errorf("%+v", x)
		}
	})
}
