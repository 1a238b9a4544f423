package billing

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

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

// BenchmarkGrants lists a page of grants of an hour each, on a gateway that has stumbled 10,000 times.
func BenchmarkGrants(b *testing.B) {
	store, err := Open(context.Background(), filepath.Join(b.TempDir(), "wattgate.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	for _, q := range []string{
		`INSERT INTO accounts VALUES ('user', 0, 'k', 1, zeroblob(12), zeroblob(64), 0)`,
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO grants (username, network, state, seconds, reason,
			created_ms, start_ms, end_ms) SELECT 'user', 'sandbox', 'ended', 3600, '', 0, 3600000 * i, 3600000 * (i + 1) FROM n`,
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT INTO withheld (from_ms, to_ms, reason)
			SELECT 360000 * i, 360000 * i + 1000, '' FROM n`,
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
		if list, err := shop.Grants(context.Background(), 0); err != nil || len(list) != 1000 || list[500].Withheld != 10*time.Second {
			b.Fatalf("%d grants, %v", len(list), err)
		}
	}
}
