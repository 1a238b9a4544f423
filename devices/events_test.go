package devices

import (
	"errors"
	"math"
	"testing"
	"time"
)

var withEvents = Config{Discover: true, Events: true}

// talk lets the plug at addr send what it draws for n cycles of two refreshes,
// 1.5 and 2.5 s apart, and returns how many events were sent.
func (w *world) talk(t *testing.T, addr string, n int, power Milliwatts) {
	t.Helper()
	for range n {
		for _, gap := range []time.Duration{1500 * time.Millisecond, 2500 * time.Millisecond} {
			if err := w.send(addr, power); err != nil {
				t.Errorf("event: %v", err)
			}
			sleep(gap)
		}
	}
}

func TestEventsTakeThePlaceOfReadings(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		const at = "10.0.0.1:49153"
		p := w.put(at, "A")
		w.set(func() { p.talks = true })
		w.announce(at, "A")
		f := w.run(t, Options{Config: withEvents})
		sleep(5 * time.Second)
		w.set(func() {
			if len(p.sids) != 1 {
				t.Errorf("%d subscriptions", len(p.sids))
			}
		})
		w.talk(t, at, 2, 70_000)
		w.set(func() { p.reads, p.reading.Power = nil, 70_000 })
		w.talk(t, at, 15, 70_000)
		w.set(func() {
			if n := len(p.reads); n < 10 || n > 20 {
				t.Errorf("read %d times in a minute with events: a heartbeat is about 15", n)
			}
		})
		if a := f.Average(time.Now(), 50*time.Second); math.Abs(float64(a[0].Mean)-70) > 1e-9 || a[0].Coverage < 0.9999 {
			t.Errorf("%+v", a[0])
		}
		if x := f.only(t); !x.Events || x.Health != Online || x.Missed != 0 || x.Problem != "" {
			t.Errorf("%+v", x)
		}
		// It is switched off: no more events, so it is read again.
		sleep(15 * time.Second)
		w.set(func() { p.reads = nil })
		sleep(time.Minute)
		w.set(func() {
			if len(p.reads) != 120 {
				t.Errorf("read %d times in a minute without events", len(p.reads))
			}
		})
		if f.only(t).Events {
			t.Error("said to send events")
		}
	})
}

func TestSubscriptionsAreRenewedAndMadeAnew(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		const at = "10.0.0.1:49153"
		p := w.put(at, "A")
		w.set(func() { p.talks = true })
		w.announce(at, "A")
		f := w.run(t, Options{Config: withEvents})
		sleep(5 * time.Second)
		sleep(1800 * time.Second * 3 / 4)
		w.set(func() {
			if p.renewed != 1 || len(p.sids) != 1 {
				t.Errorf("after 75 %% of its time: %d renewals, %d subscriptions", p.renewed, len(p.sids))
			}
			p.sids = []string{"uuid:stranger"} // it was restarted: 412
		})
		sleep(1800 * time.Second * 3 / 4)
		w.set(func() {
			if p.renewed != 1 || len(p.sids) != 2 {
				t.Errorf("after 412: %d renewals, %v", p.renewed, p.sids)
			}
		})
		// A restart that was noticed makes it anew at once.
		w.set(func() { p.broken, p.sids = errors.New("restarts"), nil })
		sleep(30 * time.Second)
		w.set(func() { p.broken = nil })
		sleep(90 * time.Second)
		if err := w.send(at, 1000); err != nil {
			t.Errorf("after a restart: %v", err)
		}
		// So does an address that changed; the old one is no longer listened to.
		const moved = "10.0.0.7:49153"
		w.set(func() { w.plugs, w.answers = nil, nil })
		q := w.put(moved, "A")
		w.set(func() { q.talks = true })
		w.announce(moved, "A")
		sleep(time.Minute)
		if err := w.send(moved, 1000); err != nil {
			t.Errorf("after a move: %v", err)
		}
		f.Apply(discover)
		sleep(5 * time.Second)
		w.set(func() {
			if len(q.sids) != 0 || len(w.boxes) != 0 {
				t.Errorf("switched off: %v, %d servers", q.sids, len(w.boxes))
			}
		})
	})
}

func TestAnEventOfAnotherPlugIsNotBelieved(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		const at = "10.0.0.1:49153"
		p := w.put(at, "A")
		w.set(func() { p.talks, p.reading.Total = true, 123_456_789 }) // an event says 600,000
		w.announce(at, "A")
		f := w.run(t, Options{Config: withEvents})
		sleep(5 * time.Second)
		w.send(at, 1)
		if s := f.Sample(time.Now()); s[0].Power != 100_000 {
			t.Errorf("believed: %+v", s)
		}
		w.set(func() { p.reading.Total, p.sids = 600_000, append(p.sids, "uuid:other") })
		sleep(5 * time.Second)
		w.send(at, 1)
		if s := f.Sample(time.Now()); s[0].Power != 100_000 {
			t.Errorf("believed under another subscription: %+v", s)
		}
	})
}

func TestAPlugWithoutEventsIsRead(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		p := w.put("10.0.0.1:49153", "A")
		w.announce("10.0.0.1:49153", "A")
		f := w.run(t, Options{Config: withEvents})
		sleep(5 * time.Second)
		w.set(func() { p.reads = nil })
		sleep(time.Minute)
		w.set(func() {
			if len(p.reads) != 120 {
				t.Errorf("read %d times", len(p.reads))
			}
		})
		if x := f.only(t); x.Problem != "" {
			t.Errorf("%+v", x)
		}
	})
}
