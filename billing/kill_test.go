package billing

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
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
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledAtAnyStep$")
		cmd.Env = append(os.Environ(), killedAt+"_DIR="+filepath.Dir(w.path), killedAt+"="+strconv.Itoa(step), killedAt+"_REF="+v.Reference)
		out, err := cmd.CombinedOutput()
		exit, died := errors.AsType[*exec.ExitError](err)
		if died && exit.ExitCode() != -1 {
			t.Fatalf("step %d: the process failed instead of dying: %s", step, out)
		}
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

// creditAndDie is the other process.
func creditAndDie(t *testing.T, dir string) {
	at, err := strconv.Atoi(os.Getenv(killedAt))
	if err != nil {
		t.Fatal(err)
	}
	id, err := LoadIdentity(filepath.Join(dir, "identity.key"))
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	store, err := Open(context.Background(), filepath.Join(dir, "wattgate.db"), Options{Step: func(string) {
		if steps++; steps == at {
			self.Kill()
			select {} // until the signal ends this
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	shop, err := NewShop(store, id, testTerms(), nil)
	if err != nil {
		t.Fatal(err)
	}
	d := Deposit{ID: "tx-1", Address: testTerms().Network.Address, Reference: os.Getenv(killedAt + "_REF"), Amount: 500, At: t0}
	if _, err := shop.Credit(context.Background(), Batch{Deposits: []Deposit{d}, Cursor: "1"}, t0); err != nil {
		t.Fatal(err)
	}
}
