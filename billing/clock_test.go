package billing

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// machine is a machine with two clocks, within a bubble: its wall clock can be set, and it can sleep.
type machine struct {
	booted time.Time
	set    time.Duration // by which the wall clock is off the bubble's time
	slept  time.Duration
}

// newMachine boots a machine whose clock shows wall.
func newMachine(wall time.Time) *machine {
	now := time.Now()
	return &machine{booted: now, set: wall.Sub(now)}
}

func (m *machine) read() reading {
	now := time.Now()
	return reading{wall: now.Add(m.set).Round(0).UTC(), mono: now.Sub(m.booted) - m.slept}
}

func (m *machine) sleep(d time.Duration) {
	time.Sleep(d)
	m.slept += d
}

// clock opens the books' clock on a machine, and gives it to the shop.
func (w *world) clock(m *machine) *Clock {
	w.t.Helper()
	c, err := openClock(context.Background(), w.store, nil, m.read)
	w.must(err)
	w.shop.SetClock(c)
	return c
}

// wants checks the clock's time, and takes it for the world's.
func (w *world) wants(c *Clock, want time.Time, trusted bool) {
	w.t.Helper()
	var got bool
	if w.now, got = c.Now(); !w.now.Equal(want) || got != trusted {
		w.t.Fatalf("the clock shows %v, trusted %v; want %v, %v", w.now, got, want, trusted)
	}
}

func (w *world) highest() time.Time {
	w.t.Helper()
	var highest int64
	w.must(w.store.db.QueryRow(`SELECT coalesce(max(highest_ms), 0) FROM clock`).Scan(&highest))
	return at(highest)
}

// kinds of the journal, in sequence.
func (w *world) journal(kind string) (details []string) {
	w.t.Helper()
	entries, err := w.shop.Journal(context.Background(), 0)
	w.must(err)
	for _, e := range entries {
		if e.Kind == kind {
			details = append(details, e.Detail)
		}
	}
	return details
}

// sell lets somebody in for some hours.
func (w *world) sell(hours int64) {
	w.t.Helper()
	w.credit(w.pay(w.buy(newBuyer(byte(w.n)), Order{Periods: hours}), Units(500*hours)))
	w.prove()
}

func TestHighestTimeIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.clock(newMachine(t0))
		if !w.highest().Equal(t0) {
			t.Fatalf("after the start: %v", w.highest())
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { c.Run(ctx); close(done) }()
		time.Sleep(keepEvery - time.Second)
		if !w.highest().Equal(t0) {
			t.Errorf("kept before its time: %v", w.highest())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !w.highest().Equal(t0.Add(keepEvery)) {
			t.Errorf("after ten seconds: %v", w.highest())
		}
		time.Sleep(3 * time.Second)
		stop()
		<-done
		if !w.highest().Equal(t0.Add(14 * time.Second)) {
			t.Errorf("after the end: %v", w.highest())
		}
	})
}

// TestRightsKeepTheTime: whoever pulls the plug after a grant has started or ended cannot take that moment back.
func TestRightsKeepTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.clock(newMachine(t0))
		time.Sleep(time.Second)
		w.now, _ = c.Now()
		w.sell(1)
		if !w.highest().Equal(t0.Add(time.Second)) {
			t.Errorf("after a start: %v", w.highest())
		}
		time.Sleep(time.Hour)
		w.now, _ = c.Now()
		w.tick(0)
		if !w.highest().Equal(t0.Add(time.Hour + time.Second)) {
			t.Errorf("after an end: %v", w.highest())
		}
		w.reopen()
		w.wants(w.clock(newMachine(t0)), t0.Add(time.Hour+time.Second), true)
		if _, err := w.store.db.Exec(`UPDATE clock SET highest_ms = highest_ms - 1`); err == nil {
			t.Error("the highest time was lowered")
		}
	})
}

func TestClockOverSleepAndSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		m := newMachine(t0)
		c := w.clock(m)
		m.sleep(30 * time.Minute)
		w.wants(c, t0.Add(30*time.Minute), true)
		m.set -= 3 * time.Hour
		time.Sleep(time.Minute)
		w.wants(c, t0.Add(31*time.Minute), true)
		m.set += 3 * time.Hour
		m.sleep(2 * time.Hour)
		time.Sleep(time.Minute)
		w.wants(c, t0.Add(32*time.Minute), false)
		m.set -= 90 * time.Minute
		w.wants(c, t0.Add(62*time.Minute), true)
	})
}

func TestOnlyALedgerNearTheWallClockConfirms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := context.Background()
		m := newMachine(t0)
		c := w.clock(m)
		confirm := func(ledger time.Time, want bool) {
			t.Helper()
			if got, err := c.Confirm(ctx, ledger); err != nil || got != want {
				t.Fatalf("Confirm(%v) = %v, %v", ledger, got, err)
			}
		}
		confirm(t0.Add(24*time.Hour), false) // a ledger alone moves nothing
		w.wants(c, t0, true)
		m.set += 24 * time.Hour
		confirm(t0, false)
		confirm(t0.Add(23*time.Hour-time.Second), false)
		confirm(t0.Add(25*time.Hour+time.Second), false)
		confirm(time.Time{}, false)
		w.wants(c, t0, false)
		confirm(t0.Add(23*time.Hour), true)
		confirm(t0.Add(24*time.Hour), false) // it was confirmed already
		time.Sleep(time.Minute)
		w.wants(c, t0.Add(24*time.Hour+time.Minute), true)
		if !w.highest().Equal(t0.Add(24 * time.Hour)) {
			t.Errorf("the highest time is %v", w.highest())
		}
		if j := w.journal("clock"); len(j) != 1 || !strings.Contains(j[0], "2026-11-22T07:00:00Z to 2026-11-23T07:00:00Z: the ledger says 2026-11-23T06:00:00Z") {
			t.Errorf("journal: %q", j)
		}
	})
}

func TestOwnersWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := context.Background()
		m := newMachine(boot)
		c := w.clock(m)
		w.wants(c, boot, false)
		_, err := c.Accept(ctx, "the owner")
		wantCode(t, err, CodeConflict)
		if ok, err := c.Confirm(ctx, boot); ok || err != nil {
			t.Errorf("a ledger of 1970 confirms 1970: %v, %v", ok, err)
		}
		w.must(c.keep(ctx))
		if !w.highest().IsZero() {
			t.Errorf("1970 was kept: %v", w.highest())
		}
		w.now = boot
		w.must(err2(w.added("jane")))
		w.must(w.shop.Revoke(ctx, "jane", "", boot))
		if !w.highest().IsZero() {
			t.Errorf("1970 was kept with a right: %v", w.highest())
		}
		m.set += t0.Sub(boot)
		w.wants(c, t0, true)
		m.set += 1000 * time.Hour
		if ok, err := c.Accept(ctx, "the owner"); !ok || err != nil {
			t.Fatalf("Accept = %v, %v", ok, err)
		}
		w.wants(c, t0.Add(1000*time.Hour), true)
		if ok, err := c.Accept(ctx, "the owner"); ok || err != nil {
			t.Errorf("accepted twice: %v, %v", ok, err)
		}
		if j := w.journal("clock"); len(j) != 1 || !strings.HasSuffix(j[0], ": the owner") {
			t.Errorf("journal: %q", j)
		}
	})
}

// TestUntrustedNothingStartsOrEnds: not by the wall clock that jumped, and not by the time that passes meanwhile.
func TestUntrustedNothingStartsOrEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		m := newMachine(t0)
		c := w.clock(m)
		w.sell(1)
		open := w.buy(newBuyer(7), Order{})
		time.Sleep(59*time.Minute + 59*time.Second)
		w.now, _ = c.Now()
		sealed := w.seal(newBuyer(8), Order{})
		late := w.place(sealed)
		m.set += 48 * time.Hour
		w.wants(c, t0.Add(59*time.Minute+59*time.Second), false)
		w.tick(0) // the order has lapsed by the time that is trusted
		time.Sleep(time.Hour)
		w.now, _ = c.Now()
		w.credit(w.pay(open, 500))
		if changes := w.tick(0); len(changes) != 0 {
			t.Errorf("untrusted: %+v", changes)
		}
		if next, _, err := w.shop.Tick(t.Context(), w.now); err != nil || !next.After(w.now.Add(24*time.Hour)) {
			t.Errorf("the next change is expected at %v, %v", next, err)
		}
		if state, _ := w.state(late.Hash); state != StateOpen || w.place(sealed).State != StateOpen {
			t.Errorf("an order has become %s", state)
		}
		if list := w.prove(); len(list) != 0 {
			t.Errorf("started: %+v", list)
		}
		if a := w.accounts(); len(a) != 2 {
			t.Fatalf("accounts %+v, want the active and the pending one", a)
		}
		if ok, err := c.Confirm(t.Context(), m.read().wall); !ok || err != nil {
			t.Fatal(ok, err)
		}
		w.now, _ = c.Now()
		if changes := w.tick(0); len(changes) != 2 || changes[0].Kind != ChangeEnded || changes[1].Kind != ChangeLapsed {
			t.Errorf("confirmed: %+v", changes)
		}
		if list := w.prove(); len(list) != 1 || !list[0].Start.Equal(w.now) {
			t.Errorf("confirmed: %+v", list)
		}
	})
}

// TestNothingLastsLongerThanPaid: a wall clock that is set back, over restarts too, gives nobody a second.
func TestNothingLastsLongerThanPaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		m := newMachine(t0)
		c := w.clock(m)
		w.sell(1)
		var served time.Duration
		for len(w.accounts()) > 0 {
			time.Sleep(7 * time.Minute)
			served += 7 * time.Minute
			w.now, _ = c.Now()
			w.tick(0)
			w.must(c.keep(t.Context()))
			w.reopen()
			m = newMachine(m.read().wall.Add(-2 * time.Hour))
			c = w.clock(m)
			if served > 2*time.Hour {
				break
			}
		}
		if served != 63*time.Minute {
			t.Errorf("served for %v, want the hour and what is left of the last seven minutes", served)
		}
	})
}
