package billing

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/billing/sqlitefile"
)

func TestBooksCannotBeRewritten(t *testing.T) {
	w := newWorld(t)
	w.credit(w.pay(w.buy(newBuyer(1), Order{}), 500))
	w.must(w.shop.Note(context.Background(), "breach", "the watch saw a canary", w.now))
	for _, q := range []string{`DELETE FROM journal`, `UPDATE journal SET detail = ''`, `DELETE FROM payments`} {
		if _, err := w.store.db.Exec(q); err == nil {
			t.Errorf("%s was allowed", q)
		}
	}
	kinds := map[string]bool{}
	entries, err := w.shop.Journal(context.Background(), 0)
	w.must(err)
	for _, e := range entries {
		kinds[e.Kind] = true
	}
	if !kinds["paid"] || !kinds["granted"] || !kinds["breach"] {
		t.Errorf("the journal has only %v", kinds)
	}
}

func TestPlainPasswordIsNowhereInTheBooks(t *testing.T) {
	w := newWorld(t)
	const secret = "hunter2 hunter2 hunter2"
	w.credit(w.pay(w.buy(newBuyer(1), Order{Username: "alice", Password: secret}), 500))
	copied := w.path + ".copy"
	w.must(w.store.Backup(context.Background(), copied))
	for _, name := range []string{w.path, w.path + "-wal", copied} {
		if raw := mustRead(t, name); strings.Contains(string(raw), secret) {
			t.Errorf("%s contains the password", name)
		}
	}
}

func TestUnpaidOrdersAreForgottenPaidOnesAreNot(t *testing.T) {
	w := newWorld(t)
	unpaid, paid := w.buy(newBuyer(1), Order{}), w.buy(newBuyer(2), Order{})
	w.credit(w.pay(paid, 1))
	w.tick(openFor)
	w.tick(lapsedKept + time.Second)
	_, err := w.shop.OrderState(context.Background(), unpaid.Hash, w.now)
	wantCode(t, err, CodeNotFound)
	if state, _ := w.state(paid.Hash); state != StateLapsed {
		t.Errorf("the paid order is %s", state)
	}
}

// TestOneStepBack: the first release still works with the books of this one, and finds what it knows in them.
func TestOneStepBack(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.sell(2)
	w.withhold(time.Minute, 2*time.Minute)
	w.must(w.store.Close())
	all, err := sqlitefile.Load(migrationFiles, "migrations")
	w.must(err)
	db, err := sqlitefile.Open(ctx, w.path, all[:1])
	w.must(err)
	_, err = db.Exec(`UPDATE grants SET end_ms = end_ms - 1000 * 3600`)
	w.must(err)
	w.must(db.Close())
	w.open()
	w.must(err2(openClock(ctx, w.store, nil, func() reading { return reading{wall: t0.Add(30 * time.Minute)} })))
	if got := w.missed(); got != 29*time.Minute {
		t.Errorf("withheld %v, want a minute, and 28 that this release did not run", got)
	}
	_, err = w.store.db.Exec(`DELETE FROM clock; DELETE FROM withheld`) // as that release would have left new books
	w.must(err)
	w.must(err2(openClock(ctx, w.store, nil, func() reading { return reading{wall: t0.Add(30 * time.Minute)} })))
	if got := w.missed(); got != 0 {
		t.Errorf("withheld %v by a release that kept no time", got)
	}
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
