package billing

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// export reads the books as an accountant would.
func (w *world) export() (raw string, rows []map[string]string) {
	w.t.Helper()
	var out bytes.Buffer
	w.must(w.shop.ExportPayments(context.Background(), &out))
	r := csv.NewReader(bytes.NewReader(out.Bytes()))
	all, err := r.ReadAll()
	w.must(err)
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = cells[i]
		}
		rows = append(rows, row)
	}
	return out.String(), rows
}

func TestExportAndTotalsAgreeWithTheBooks(t *testing.T) {
	w := newWorld(t)
	r := rand.New(rand.NewPCG(1, 2))
	events, _ := randomSales(w, r)
	held := w.pay(Invoice{Address: "sandbox1money"}, 77)
	held.Hold = "has a timelock"
	var sum Units
	events = append(events, held)
	for _, d := range events {
		sum += d.Amount
	}
	for i, chunk := range slices.Collect(slices.Chunk(events, 10)) {
		w.credit(chunk...)
		if i == 1 { // in the midst of what is for orders
			w.terms.Price.Amount = 700
			w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
			w.tick(openFor)
		}
	}
	w.tick(openFor)
	const strangers = PageSize + 50 // more than a page
	_, err := w.store.db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
		INSERT INTO payments (network, deposit_id, address, reference, sender, amount, decimals, at_ms, seen_ms, note)
		SELECT 'sandbox', 'stranger-' || i, 'sandbox1other', '', '', 3, 6, ?2, ?2, 'no order' FROM n`, strangers, ms(w.now))
	w.must(err)
	sum += 3 * strangers
	raw, rows := w.export()
	if !strings.HasPrefix(raw, strings.Join(exportHeader[:], ",")+"\r\n") || strings.Count(raw, "\r\n") != strings.Count(raw, "\n") || len(rows) != len(events)+strangers {
		t.Fatalf("%d rows of %d: %.200q", len(rows), len(events)+strangers, raw)
	}
	seconds := map[string]int64{}
	var base Units
	status := map[string]int{}
	for _, row := range rows {
		s, err := strconv.ParseInt(row["seconds"], 10, 64)
		w.must(err)
		seconds[row["order"]] += s
		amount, err := ParseUnits(row["amount_base"], 0)
		w.must(err)
		if again, err := ParseUnits(row["amount"], 6); err != nil || again != amount {
			t.Errorf("%s is not %s base units", row["amount"], row["amount_base"])
		}
		base += amount
		status[row["status"]]++
	}
	orders, err := w.shop.Orders(context.Background(), 0)
	w.must(err)
	for _, o := range orders {
		if seconds[o.Hash] != o.Seconds {
			t.Errorf("order %s brought %d s, its payments %d", o.Hash[:8], o.Seconds, seconds[o.Hash])
		}
	}
	totals, err := w.shop.Totals(context.Background())
	w.must(err)
	var total Units
	for _, tt := range totals {
		total += tt.Amount
	}
	if base != sum || total != sum || seconds[""] != 0 {
		t.Errorf("paid %d, exported %d, in all %d, %d s for nobody", sum, base, total, seconds[""])
	}
	if len(totals) != 2 || totals[0].Held != 77 || totals[1].Unassigned != totals[1].Amount || status["held"] != 1 || status["credited"] == 0 || status["unassigned"] == 0 {
		t.Errorf("totals %+v, %v", totals, status)
	}
}

func TestSpreadsheetExecutesNothing(t *testing.T) {
	w := newWorld(t)
	for i, text := range []string{"=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "a,\"b", "plain"} {
		w.credit(Deposit{ID: fmt.Sprintf("%s%d", text[:0], i), Address: "a", Reference: text, Sender: text, Amount: 1, At: t0.In(time.FixedZone("", 3600))})
	}
	_, rows := w.export()
	for _, row := range rows {
		for name, cell := range row {
			if trimmed := strings.TrimLeft(cell, " \t\r"); trimmed != "" && strings.ContainsRune("=+-@", rune(trimmed[0])) {
				t.Errorf("%s: %q", name, cell)
			}
		}
		if row["ledger_time"] != "2026-11-22T07:00:00Z" {
			t.Errorf("at %s", row["ledger_time"])
		}
	}
	if rows[7]["reference"] != `a,"b` || rows[8]["sender"] != "plain" || rows[0]["reference"] != "'=1+1" {
		t.Errorf("%v", rows)
	}
}

// full is a disk that is full.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestExportToAFullDiskSaysSo(t *testing.T) {
	w := newWorld(t)
	w.credit(Deposit{ID: "1", Address: "a", Amount: 1, At: t0})
	if err := w.shop.ExportPayments(context.Background(), full{}); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("err = %v", err)
	}
}

func TestSumThatOverflowsIsAnError(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		w.credit(Deposit{ID: fmt.Sprint(i), Address: "a", Amount: 1 << 62, At: t0})
	}
	if totals, err := w.shop.Totals(context.Background()); err == nil {
		t.Errorf("totals %+v", totals)
	}
}
