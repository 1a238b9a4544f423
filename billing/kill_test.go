package billing

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// killedAt is the environment of the process that TestKilledAtAnyStep kills: where the books are, and at which step.
const killedAt = "BILLING_TEST_KILL"

// TestKilledAtAnyStep kills a real process between every two steps of a credit and goes on with its books.
func TestKilledAtAnyStep(t *testing.T) {
	if dir := os.Getenv(killedAt + "_DIR"); dir != "" {
		creditAndDie(t, dir)
		return
	}
	for step := 1; ; step++ {
		w := newWorld(t)
		v := w.buy(newBuyer(1), Order{})
		w.must(w.store.Close())
		_, died := runAndKill(t, "TestKilledAtAnyStep", filepath.Dir(w.path), step, killedAt+"_REF="+v.Reference)
		w.open()
		d := Deposit{ID: "tx-1", Address: v.Address, Reference: v.Reference, Amount: 500, At: w.now}
		w.credit(d)
		if g := w.grants(); len(g) != 1 || g[0].Seconds != 3600 || len(w.accounts()) != 1 {
			t.Fatalf("killed at step %d: grants %+v", step, g)
		}
		if !died {
			if step < 7 {
				t.Fatalf("a credit has only %d steps", step-1)
			}
			return
		}
	}
}

// TestTimeKilledAtAnyStep kills a process between every two steps of what it writes about time, and goes on with its
// books: an hour was sold at t0, and whatever was not served of it is withheld exactly once.
func TestTimeKilledAtAnyStep(t *testing.T) {
	if dir := os.Getenv(killedAt + "_DIR"); dir != "" {
		keepTimeAndDie(t, dir)
		return
	}
	clockAt := func(w *world, since time.Duration) *Clock {
		c, err := openClock(context.Background(), w.store, nil, func() reading { return reading{wall: t0.Add(since)} })
		w.must(err)
		return c
	}
	for step := 1; ; step++ {
		w := newWorld(t)
		clockAt(w, 0)
		w.sell(1)
		w.must(w.shop.Withhold(context.Background(), t0.Add(5*time.Minute), "the broker hung"))
		w.must(w.store.Close())
		out, killed := runAndKill(t, "TestTimeKilledAtAnyStep", filepath.Dir(w.path), step)
		w.open()
		known := w.highest().Sub(t0) // what the process has come to
		clockAt(w, 40*time.Minute)
		w.must(w.store.Close())
		w.open()
		clockAt(w, 50*time.Minute)
		want := min(time.Hour, max(known, 50*time.Minute)) - 5*time.Minute
		if known >= 25*time.Minute {
			want -= 5 * time.Minute // served from 20 to 25
		}
		if got := w.missed(); got != want {
			t.Fatalf("killed at step %d: withheld %v, want %v: %+v; %s", step, got, want, w.intervals(), out)
		}
		if !killed {
			if step < 12 {
				t.Fatalf("it has only %d steps", step-1)
			}
			return
		}
	}
}

// keepTimeAndDie is the other process: it continues the clock at 10 minutes, is proven at 20, withholds at 25, and has
// a jump of two hours confirmed at 30.
func keepTimeAndDie(t *testing.T, dir string) {
	store := openAndDie(t, dir)
	shop := shopOf(t, store, dir)
	wall := t0.Add(10 * time.Minute)
	c, err := openClock(context.Background(), store, nil, func() reading { return reading{wall: wall} })
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		shop.Withhold(context.Background(), wall, "not proven"),
		shop.Resume(context.Background(), t0.Add(20*time.Minute)),
		shop.Withhold(context.Background(), t0.Add(25*time.Minute), "the disk is full"),
		shop.Resume(context.Background(), t0.Add(30*time.Minute)))
	if err != nil {
		t.Fatal(err)
	}
	wall = t0.Add(30 * time.Minute)
	c.Now()
	wall = wall.Add(2 * time.Hour)
	if ok, err := c.Accept(context.Background(), "the owner"); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

// runAndKill runs a test of this program as another process, which kills itself at a step.
func runAndKill(t *testing.T, test, dir string, step int, env ...string) (out []byte, killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), append(env, killedAt+"_DIR="+dir, killedAt+"="+strconv.Itoa(step))...)
	out, err := cmd.CombinedOutput()
	exit, died := errors.AsType[*exec.ExitError](err)
	if died && exit.ExitCode() != -1 {
		t.Fatalf("step %d: the process failed instead of dying: %s", step, out)
	}
	return out, died
}

// openAndDie opens the books such that the process kills itself at the step it was told.
func openAndDie(t *testing.T, dir string) *Store {
	t.Helper()
	at, err := strconv.Atoi(os.Getenv(killedAt))
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	store, err := Open(context.Background(), filepath.Join(dir, "wattgate.db"), Options{Step: func(string) {
		if steps++; steps == at {
			self.Kill()
			select {} // until the signal ends this
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func shopOf(t *testing.T, store *Store, dir string) *Shop {
	t.Helper()
	id, err := LoadIdentity(filepath.Join(dir, "identity.key"))
	if err != nil {
		t.Fatal(err)
	}
	shop, err := NewShop(store, id, testTerms(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return shop
}

// creditAndDie is the other process.
func creditAndDie(t *testing.T, dir string) {
	shop := shopOf(t, openAndDie(t, dir), dir)
	d := Deposit{ID: "tx-1", Address: testTerms().Network.Address, Reference: os.Getenv(killedAt + "_REF"), Amount: 500, At: t0}
	if _, err := shop.Credit(context.Background(), Batch{Deposits: []Deposit{d}, Cursor: "1"}, t0); err != nil {
		t.Fatal(err)
	}
}
