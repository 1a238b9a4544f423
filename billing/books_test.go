package billing

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
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

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
