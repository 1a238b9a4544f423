package billing

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
)

// BenchmarkCreditOnePayment is a payment a batch, each durable before the next.
func BenchmarkCreditOnePayment(b *testing.B) {
	store, err := Open(context.Background(), filepath.Join(b.TempDir(), "wattgate.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	shop, err := NewShop(store, testIdentity(b), testTerms(), nil)
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		batch := Batch{Cursor: fmt.Sprint(i), Deposits: []Deposit{{ID: fmt.Sprint(i), Address: "a", Amount: 1, At: t0}}}
		if _, err := shop.Credit(context.Background(), batch, t0); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAccounts lists 10,000 live grants, as each reconciliation does.
func BenchmarkAccounts(b *testing.B) {
	store, err := Open(context.Background(), filepath.Join(b.TempDir(), "wattgate.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	for _, q := range []string{
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT INTO accounts SELECT 'user' || i, 0, 'k', 1, zeroblob(12), zeroblob(64), 0 FROM n`,
		`INSERT INTO grants (username, network, state, seconds, reason, created_ms) SELECT username, 'sandbox', 'pending', 3600, '', 0 FROM accounts`,
	} {
		if _, err := store.db.Exec(q); err != nil {
			b.Fatal(err)
		}
	}
	shop, err := NewShop(store, testIdentity(b), testTerms(), nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if list, err := shop.Accounts(context.Background(), t0); err != nil || len(list) != 10_000 {
			b.Fatalf("%d accounts, %v", len(list), err)
		}
	}
}
