package billing

import (
	"context"
	"testing"

	"github.com/wattgate/wattgate/billing/sqlitefile"
)

// What the release before references wrote: these statements are its own and must not be brought up to date.
const (
	oldPrice = `INSERT INTO prices (network, product, decimals, amount, period_s, min_periods, since_ms) VALUES ('sandbox', 'live', 6, 500, 3600, 1, ?)`
	oldOrder = `INSERT INTO orders (hash, order_id, buyer_key, network, address, reference, topics, price_id, periods, amount, state,
		username, chosen, iterations, salt, key, sealed_password, reply_to, refund_address, transport, addr, placed_ms, expires_ms)
		VALUES (?, 'o', 'k', 'sandbox', 'sandbox1money', ?, '["sensor/live"]', 1, 1, 500, 'open', 'alice', 0, 1, zeroblob(12), zeroblob(64), '', '', '', 'mqtt', '', ?, ?)`
	oldPayment = `INSERT INTO payments (network, deposit_id, address, reference, sender, amount, decimals, at_ms, seen_ms)
		VALUES ('sandbox', ?, 'sandbox1money', 'wg-x', 's', 1, 6, ?, ?) ON CONFLICT (network, deposit_id) DO NOTHING`
	oldCursor = `INSERT INTO cursors (network, cursor) VALUES ('sandbox', '17') ON CONFLICT (network) DO UPDATE SET cursor = excluded.cursor`
	oldForget = `DELETE FROM orders WHERE state = 'lapsed' AND paid = 0 AND (expires_ms < ? OR id <=
		(SELECT id FROM orders WHERE state = 'lapsed' AND paid = 0 ORDER BY id DESC LIMIT 1 OFFSET ?))
		AND id NOT IN (SELECT order_id FROM payments WHERE order_id IS NOT NULL)`
)

// oldRelease opens the books as that release does, with the migrations it knows, and writes into them.
func (w *world) oldRelease(hash, deposit string) {
	w.t.Helper()
	all, err := sqlitefile.Load(migrationFiles, "migrations")
	w.must(err)
	db, err := sqlitefile.Open(context.Background(), w.path, all[:2])
	w.must(err)
	now, end := ms(t0), ms(t0.Add(openFor))
	for _, q := range []struct {
		sql  string
		args []any
	}{{oldPrice, []any{now}}, {oldOrder, []any{hash, referenceOf(hash), now, end}}, {oldPayment, []any{deposit, now, now}}, {oldCursor, nil}, {oldForget, []any{now, 10}}} {
		_, err := db.Exec(q.sql, q.args...)
		w.must(err)
	}
	w.must(db.Close())
}

// goesOn holds that an order of the old release is paid for as any other.
func (w *world) goesOn(hash string, payments int) {
	w.t.Helper()
	w.open()
	v := Invoice{Address: "sandbox1money", Reference: referenceOf(hash)}
	w.n += 100
	w.credit(w.pay(v, 500))
	orders, err := w.shop.Orders(context.Background(), 0)
	w.must(err)
	var found bool
	for _, o := range orders {
		found = found || o.Hash == hash && o.State == StateSettled && o.Seconds == 3600 && o.Kind == ReferenceTag
	}
	all, err := w.shop.Payments(context.Background(), 0)
	w.must(err)
	if !found || len(all) != payments {
		w.t.Errorf("orders %+v, %d payments", orders, len(all))
	}
}

func TestBooksOfTheReleaseBeforeReferencesGoOn(t *testing.T) {
	w := newWorld(t)
	w.must(w.store.Close())
	w.path += "-old"
	w.oldRelease(hashOf([]byte("old")), "tx-old")
	w.open()
	w.must(w.shop.PinLedger(context.Background(), SandboxNetwork, "the-file", w.now))
	if cursor, err := w.shop.Cursor(context.Background()); err != nil || cursor != "17" {
		t.Errorf("cursor %q, %v: the first pin reads on where the old release had come to", cursor, err)
	}
	w.must(w.store.Close())
	w.goesOn(hashOf([]byte("old")), 2)
}

func TestOneStepBackFromReferences(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.must(w.shop.PinLedger(ctx, SandboxNetwork, "the-file", w.now))
	w.credit(w.pay(w.buy(newBuyer(1), Order{}), 500))
	v := w.pay(Invoice{Address: "sandbox1money"}, 9)
	v.Hold = "has a timelock"
	w.credit(v)
	w.use(ReferenceAmount)
	w.stock(2)
	w.buy(newBuyer(2), Order{})
	w.must(w.store.Close())
	w.oldRelease(hashOf([]byte("back")), "tx-back")
	w.terms = testTerms()
	w.goesOn(hashOf([]byte("back")), 4)
}
