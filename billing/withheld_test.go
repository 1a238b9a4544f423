package billing

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// interval is a row of the books.
type interval struct {
	from, to time.Time
	reason   string
}

func (w *world) intervals() []interval {
	w.t.Helper()
	list, err := collect(context.Background(), w.store.db, func(scan func(...any) error) (interval, error) {
		var i interval
		var from, to int64
		err := scan(&from, &to, &i.reason)
		i.from, i.to = at(from), at(to)
		return i, err
	}, `SELECT from_ms, coalesce(to_ms, 0), reason FROM withheld ORDER BY from_ms`)
	w.must(err)
	return list
}

// withhold records an interval in minutes and seconds since t0.
func (w *world) withhold(from, to time.Duration) {
	w.t.Helper()
	w.must(w.shop.Withhold(context.Background(), t0.Add(from), "the broker hung"))
	w.must(w.shop.Resume(context.Background(), t0.Add(to)))
}

// missed is what the only grant missed.
func (w *world) missed() time.Duration {
	w.t.Helper()
	g := w.grants()
	if len(g) != 1 {
		w.t.Fatalf("grants %+v, want one", g)
	}
	return g[0].Withheld
}

func TestWithheldIsTheOverlapWithTheActiveTime(t *testing.T) {
	const m = time.Minute
	for name, c := range map[string]struct {
		record func(*world)
		want   time.Duration // of an hour from t0
	}{
		"within":              {func(w *world) { w.withhold(10*m, 12*m) }, 2 * m},
		"before the start":    {func(w *world) { w.withhold(-10*m, -m) }, 0},
		"over the start":      {func(w *world) { w.withhold(-10*m, m) }, m},
		"over the end":        {func(w *world) { w.withhold(59*m, 90*m) }, m},
		"after the end":       {func(w *world) { w.withhold(60*m, 90*m) }, 0},
		"all of it":           {func(w *world) { w.withhold(-m, 90*m) }, 60 * m},
		"two":                 {func(w *world) { w.withhold(10*m, 12*m); w.withhold(20*m, 21*m) }, 3 * m},
		"two that touch":      {func(w *world) { w.withhold(10*m, 12*m); w.withhold(12*m, 13*m) }, 3 * m},
		"two that overlap":    {func(w *world) { w.withhold(10*m, 12*m); w.withhold(11*m, 13*m) }, 3 * m},
		"one within another":  {func(w *world) { w.withhold(10*m, 15*m); w.withhold(11*m, 12*m) }, 5 * m},
		"opened again":        {func(w *world) { w.must(w.shop.Withhold(context.Background(), t0, "first")); w.withhold(10*m, 12*m) }, 12 * m},
		"less than a slot":    {func(w *world) { w.withhold(10*m, 10*m+499*time.Millisecond) }, 0},
		"a slot":              {func(w *world) { w.withhold(10*m, 10*m+500*time.Millisecond) }, 500 * time.Millisecond},
		"backwards":           {func(w *world) { w.withhold(10*m, 9*m) }, 0},
		"ended without begin": {func(w *world) { w.must(w.shop.Resume(context.Background(), t0.Add(10*m))) }, 0},
		"still open": {func(w *world) {
			w.must(w.shop.Withhold(context.Background(), t0.Add(10*m), "disk full"))
			w.must(w.shop.Withhold(context.Background(), t0.Add(12*m), "and more"))
		}, 2 * m},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.sell(1)
			c.record(w)
			if got := w.missed(); got != c.want {
				t.Errorf("withheld %v, want %v: %+v", got, c.want, w.intervals())
			}
		})
	}
}

func TestWithheldReachesIntoTheRenewal(t *testing.T) {
	w := newWorld(t)
	b := newBuyer(1)
	w.credit(w.pay(w.buy(b, Order{Username: "alice"}), 500))
	w.prove()
	w.must(w.shop.Withhold(context.Background(), t0.Add(50*time.Minute), "the broker hung"))
	w.now = t0.Add(55 * time.Minute)
	w.credit(w.pay(w.buy(b, Order{Username: "alice"}), 500))
	w.must(w.shop.Resume(context.Background(), t0.Add(70*time.Minute)))
	if got := w.missed(); got != 20*time.Minute {
		t.Errorf("withheld %v, want 20 minutes: ten of them are of the renewal", got)
	}
	w.now = t0.Add(80 * time.Minute)
	w.must(w.shop.Revoke(context.Background(), "alice", "", w.now))
	w.withhold(80*time.Minute, 90*time.Minute)
	if got := w.missed(); got != 20*time.Minute {
		t.Errorf("withheld %v after it was revoked", got)
	}
}

func TestWithheldFromEveryGrantByItself(t *testing.T) {
	w := newWorld(t)
	w.sell(1)
	_, _, err := w.shop.AddGrant(context.Background(), "jane", 0, "", w.now)
	w.must(err)
	w.now = t0.Add(15 * time.Minute)
	w.prove()
	_, _, err = w.shop.AddGrant(context.Background(), "waiting", 0, "", w.now)
	w.must(err)
	w.withhold(10*time.Minute, 20*time.Minute)
	for i, want := range []time.Duration{10 * time.Minute, 5 * time.Minute, 0} {
		if g := w.grants()[i]; g.Withheld != want {
			t.Errorf("%s: withheld %v, want %v", g.Username, g.Withheld, want)
		}
	}
}

// TestSumOfIntervalsNeverExceedsTheActiveTime: whatever is called in whatever sequence, with restarts, the books stay
// disjoint, and a grant misses what a count of every single second says.
func TestSumOfIntervalsNeverExceedsTheActiveTime(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 3))
		w := newWorld(t)
		w.sell(1)
		for range 25 {
			at := t0.Add(time.Duration(r.IntN(90)-10) * time.Minute)
			switch r.IntN(3) {
			case 0:
				w.must(w.shop.Withhold(context.Background(), at, "chance"))
			case 1:
				w.must(w.shop.Resume(context.Background(), at))
			case 2:
				w.reopen()
				w.must(err2(openClock(context.Background(), w.store, nil, func() reading { return reading{wall: at} })))
			}
		}
		w.must(w.shop.Resume(context.Background(), w.highest()))
		var want, until time.Duration
		for _, i := range w.intervals() {
			from, to := i.from.Sub(t0), i.to.Sub(t0)
			if from < until && until > 0 || to-from < leastWithheld {
				t.Errorf("seed %d: %+v after %v", seed, i, until)
			}
			until = to
			for s := max(0, from); s < min(to, time.Hour); s += time.Second {
				want += time.Second
			}
		}
		if got := w.missed(); got != want || got > time.Hour {
			t.Errorf("seed %d: withheld %v, want %v", seed, got, want)
		}
	}
}

func TestReasonIsBoundedAndPrintable(t *testing.T) {
	w := newWorld(t)
	w.must(w.shop.Withhold(context.Background(), t0, "disk\nfull\x1b"+strings.Repeat("x", 1000)))
	if i := w.intervals(); len(i) != 1 || len(i[0].reason) != maxReason || !strings.HasPrefix(i[0].reason, "disk?full?x") {
		t.Errorf("%+v", i)
	}
}

// TestDownTimeIsWithheld: from the last moment known to the first one that is trusted, and only if somebody was in.
func TestDownTimeIsWithheld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		m := newMachine(t0)
		c := w.clock(m)
		down := func(d time.Duration) {
			t.Helper()
			w.must(c.keep(t.Context()))
			w.must(w.store.Close())
			time.Sleep(d)
			w.open()
			m = newMachine(m.read().wall)
			c = w.clock(m)
			w.now, _ = c.Now()
		}
		down(time.Minute)
		if i := w.intervals(); len(i) != 0 {
			t.Fatalf("nobody was in: %+v", i)
		}
		w.sell(12)
		start := w.now
		down(400 * time.Millisecond)
		if got := w.missed(); got != 0 {
			t.Errorf("a quick restart cost %v", got)
		}
		down(time.Minute)
		w.must(w.shop.Withhold(t.Context(), w.now, "not proven yet"))
		time.Sleep(time.Minute)
		w.now, _ = c.Now()
		down(time.Minute) // killed while withholding
		if got := w.missed(); got != 3*time.Minute {
			t.Errorf("withheld %v, want two minutes down and one before the kill: %+v", got, w.intervals())
		}
		down(3 * time.Hour) // and now it is not trusted
		if got := w.missed(); got != 3*time.Minute {
			t.Errorf("untrusted: withheld %v: %+v", got, w.intervals())
		}
		time.Sleep(5 * time.Minute) // served meanwhile
		if ok, err := c.Confirm(t.Context(), m.read().wall); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if got := w.missed(); got != 3*time.Hour+3*time.Minute {
			t.Errorf("confirmed: withheld %v: %+v", got, w.intervals())
		}
		m.sleep(3 * time.Hour)
		if ok, err := c.Confirm(t.Context(), m.read().wall); !ok || err != nil {
			t.Fatal(ok, err)
		}
		down(0)
		last := w.intervals()[len(w.intervals())-1]
		if got := w.missed(); got != 6*time.Hour+3*time.Minute || last.reason != jumped {
			t.Errorf("after a sleep: withheld %v: %+v", got, w.intervals())
		}
		down(20 * time.Hour)
		w.must(err2(c.Accept(t.Context(), "the owner")))
		w.now, _ = c.Now()
		w.tick(0)
		served := 400*time.Millisecond + 5*time.Minute
		if got, most := w.missed(), 12*time.Hour; got > most || got < most-served-time.Second {
			t.Errorf("down over the end: withheld %v of %v since %v: %+v", got, most, start, w.intervals())
		}
	})
}
