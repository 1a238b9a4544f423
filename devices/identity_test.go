package devices

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

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

func TestAPlugThatLosesItsMeterIsNoLongerExpected(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		p := w.put("10.0.0.1:49153", "A")
		w.announce("10.0.0.1:49153", "A")
		f := w.run(t, Options{Config: discover})
		sleep(5 * time.Second)
		q := w.put("10.0.0.2:49153", "A") // lives elsewhere now, as another model
		w.set(func() { p.broken, q.bare, w.answers = errors.New("gone"), true, nil })
		w.announce("10.0.0.2:49153", "A")
		sleep(time.Minute)
		if x := f.only(t); x.Health != Unmetered || x.Metered {
			t.Errorf("%+v", x)
		}
		if s := f.Sample(time.Now()); len(s) != 0 {
			t.Errorf("%+v", s)
		}
		w.set(func() { q.bare, w.answers = false, nil })
		w.announce("10.0.0.2:49154", "A")
		w.put("10.0.0.2:49154", "A")
		sleep(2 * time.Minute)
		if x := f.only(t); x.Health != Online {
			t.Errorf("%+v", x)
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
