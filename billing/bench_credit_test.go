package billing

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/billing/sqlitefile"
)

// benchBooks is a shop with so many open orders, as buyers would have placed them.
func benchBooks(b *testing.B, orders int) *Shop {
	b.Helper()
	store, err := Open(context.Background(), filepath.Join(b.TempDir(), "wattgate.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	shop, err := NewShop(store, testIdentity(b), testTerms(), nil)
	if err == nil {
		_, err = shop.Offer(context.Background(), t0)
	}
	if err != nil {
		b.Fatal(err)
	}
	_, err = store.db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
		INSERT INTO orders (hash, order_id, buyer_key, network, address, reference, topics, price_id, periods, amount, state, username, chosen, iterations, salt, key,
		reply_to, refund_address, transport, addr, placed_ms, expires_ms)
		SELECT printf('%064d', i), 'o', 'buyer' || i, 'sandbox', 'sandbox1money', 'wg-' || i, '["sensor/live"]', 1, 1, 500, 'open', 'user' || i, 1, 101, zeroblob(12),
		zeroblob(64), '', '', 'http', '', ?2, ?3 FROM n WHERE ?1 > 0`, orders, ms(t0), ms(t0.Add(openFor)))
	if err != nil {
		b.Fatal(err)
	}
	return shop
}

// sold is the deposit number i of many: every order is paid twice over.
func sold(i, orders int) Deposit {
	return Deposit{ID: fmt.Sprintf("%064d", i), Address: "sandbox1money", Reference: fmt.Sprintf("wg-%d", 1+i%orders), Sender: "somebody", Amount: 500, At: t0}
}

// bare measures the baseline: the same deposits into a table of their own, in transactions as durable as the books', and
// nothing else.
func bare(b *testing.B, deposits, batch int) (perSecond float64) {
	b.Helper()
	db, err := sqlitefile.Open(context.Background(), filepath.Join(b.TempDir(), "bare.db"), []sqlitefile.Migration{{ReadableBy: 1,
		SQL: `CREATE TABLE payments (id INTEGER PRIMARY KEY, deposit_id TEXT NOT NULL UNIQUE, address TEXT, reference TEXT, sender TEXT, amount INTEGER, at_ms INTEGER)`}})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	start := time.Now()
	for i := 0; i < deposits; {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		for range min(batch, deposits-i) {
			d := sold(i, 1000)
			i++
			if _, err := tx.Exec(`INSERT INTO payments (deposit_id, address, reference, sender, amount, at_ms) VALUES (?, ?, ?, ?, ?, ?)`,
				d.ID, d.Address, d.Reference, d.Sender, d.Amount, ms(d.At)); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	return float64(deposits) / time.Since(start).Seconds()
}

// BenchmarkCredit is what a payment costs that settles an order and gives or extends a grant, durable before the next
// batch is asked for.
func BenchmarkCredit(b *testing.B) {
	for _, batch := range []int{1, 100} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			for b.Loop() {
				const orders, deposits = 1000, 2000
				b.StopTimer()
				base := bare(b, deposits, batch)
				shop := benchBooks(b, orders)
				b.StartTimer()
				start := time.Now()
				for i := 0; i < deposits; {
					var list []Deposit
					for range batch {
						list = append(list, sold(i, orders))
						i++
					}
					if _, err := shop.Credit(context.Background(), Batch{Deposits: list, Cursor: fmt.Sprint(i)}, t0); err != nil {
						b.Fatal(err)
					}
				}
				got := float64(deposits) / time.Since(start).Seconds()
				b.ReportMetric(got, "payments/s")
				b.ReportMetric(base, "bare-inserts/s")
				b.ReportMetric(base/got, "times-the-bare")
				checkSold(b, shop, orders)
			}
		})
	}
}

func checkSold(b *testing.B, shop *Shop, orders int) {
	b.Helper()
	var grants, seconds int64
	if err := shop.store.db.QueryRow(`SELECT count(*), sum(seconds) FROM grants`).Scan(&grants, &seconds); err != nil || grants != int64(orders) || seconds != 7200*grants {
		b.Fatalf("%d grants, %d s, %v", grants, seconds, err)
	}
}

// BenchmarkCatchUp is a gateway that was away for 100,000 milestones with a deposit in each, most of them for nobody. The
// memory is measured after each tenth: it must not grow with what was read.
func BenchmarkCatchUp(b *testing.B) {
	for b.Loop() {
		const milestones, batch, orders = 100_000, 500, 1000
		b.StopTimer()
		base := bare(b, milestones, batch)
		shop := benchBooks(b, orders)
		b.StartTimer()
		start := time.Now()
		var early, peak uint64
		for i := 0; i < milestones; {
			list := make([]Deposit, 0, batch)
			for range batch {
				d := sold(i, orders)
				if i%100 != 0 {
					d.Reference = "wg-of-somebody-else"
				}
				list = append(list, d)
				i++
			}
			if _, err := shop.Credit(context.Background(), Batch{Deposits: list, Cursor: fmt.Sprint(i)}, t0); err != nil {
				b.Fatal(err)
			}
			if i%10_000 == 0 {
				used := resident(b)
				if peak = max(peak, used); i == milestones/10 {
					early = used
				}
			}
		}
		got := milestones / time.Since(start).Seconds()
		b.ReportMetric(got, "milestones/s")
		b.ReportMetric(base, "bare-inserts/s")
		b.ReportMetric(base/got, "times-the-bare")
		b.ReportMetric(float64(early)/(1<<20), "MiB-after-a-tenth")
		b.ReportMetric(float64(peak)/(1<<20), "MiB-at-most")
		if peak > early+8<<20 {
			b.Errorf("memory grew from %d to %d bytes", early, peak)
		}
		checkCaughtUp(b, shop.store.db, milestones)
	}
}

// resident is the memory of this process after a collection, in bytes: SQLite's is not on Go's heap. 0 where the system
// does not tell.
func resident(b *testing.B) uint64 {
	b.Helper()
	debug.FreeOSMemory()
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, err := strconv.ParseUint(strings.Fields(string(raw))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * uint64(os.Getpagesize())
}

func checkCaughtUp(b *testing.B, db *sql.DB, milestones int64) {
	b.Helper()
	var payments, credited int64
	if err := db.QueryRow(`SELECT count(*), count(order_id) FROM payments`).Scan(&payments, &credited); err != nil || payments != milestones || credited != milestones/100 {
		b.Fatalf("%d payments, %d credited, %v", payments, credited, err)
	}
}
