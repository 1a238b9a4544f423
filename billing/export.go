package billing

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// exportHeader names the columns of ExportPayments. Columns are only ever added, at the end.
var exportHeader = [...]string{"ledger_time", "network", "payment", "address", "sender", "reference", "amount", "amount_base", "decimals",
	"order", "username", "seconds", "status", "note", "seen", "chain"}

// exported is a row of an export.
type exported struct {
	Payment
	chain    string
	username string
	brought  bool // its order has brought time
	seconds  int64
}

// ExportPayments writes every deposit as CSV (RFC 4180, with a header), in the sequence in which they were seen. Times
// are UTC. amount is in coins, amount_base in base units; seconds is what the payment added to its order, so that the
// column adds up to what was sold; status is credited, part-paid (it has brought nothing yet), unassigned or held. Text
// of strangers that a spreadsheet would take for a formula begins with an apostrophe.
//
// The books are not locked while w is written to: what is assigned meanwhile may show or not.
func (s *Shop) ExportPayments(ctx context.Context, w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(exportHeader[:]); err != nil {
		return fmt.Errorf("cannot write the payments: %w", err)
	}
	for after := int64(0); ; {
		page, err := collect(ctx, s.store.db, scanExported, exportQuery, after, PageSize)
		if err != nil {
			return s.store.failed("list the payments", err)
		}
		for _, p := range page {
			if err := out.Write(p.cells()); err != nil {
				return fmt.Errorf("cannot write the payments: %w", err)
			}
			after = p.ID
		}
		if out.Flush(); out.Error() != nil {
			return fmt.Errorf("cannot write the payments: %w", out.Error())
		}
		if len(page) < PageSize {
			return nil
		}
	}
}

// exportQuery also sums up what the same order was paid before at the same price: what a payment adds is the difference
// of two floors.
const exportQuery = `SELECT p.id, p.network, p.deposit_id, p.address, p.reference, p.sender, p.amount, p.decimals, p.at_ms, p.seen_ms,
	coalesce(o.hash, ''), p.note, p.held, coalesce(n.identity, ''), coalesce(o.username, ''), coalesce(o.seconds, 0), coalesce(r.amount, 0), coalesce(r.period_s, 0),
	coalesce((SELECT sum(q.amount) FROM payments q WHERE q.order_id = p.order_id AND q.price_id = p.price_id AND q.id < p.id), 0)
	FROM payments p LEFT JOIN orders o ON o.id = p.order_id LEFT JOIN prices r ON r.id = p.price_id LEFT JOIN pins n ON n.id = p.pin_id
	WHERE p.id > ? ORDER BY p.id LIMIT ?`

func scanExported(scan func(...any) error) (exported, error) {
	var price Price
	var brought int64 // by the order
	var before Units
	var chain, username string
	p, err := scanPayment(func(dest ...any) error {
		return scan(append(dest, &chain, &username, &brought, &price.Amount, &price.Period, &before)...)
	})
	e := exported{Payment: p, chain: chain, username: username, brought: brought > 0}
	if err != nil || p.Order == "" || !e.brought {
		return e, err
	}
	first, err := price.Seconds(before)
	if err != nil {
		return e, err
	}
	sum, err := before.plus(p.Amount)
	if err != nil {
		return e, err
	}
	e.seconds, err = price.Seconds(sum)
	e.seconds -= first
	return e, err
}

func (p exported) cells() []string {
	status := "credited"
	switch {
	case p.Order == "" && p.Held:
		status = "held"
	case p.Order == "":
		status = "unassigned"
	case !p.brought:
		status = "part-paid"
	}
	return []string{p.At.Format(time.RFC3339), p.Network, cell(p.Deposit), cell(p.Address), cell(p.Sender), cell(p.Reference),
		p.Amount.Decimal(p.Decimals), p.Amount.Decimal(0), strconv.Itoa(p.Decimals), p.Order, p.username, strconv.FormatInt(p.seconds, 10), status,
		cell(p.Note), p.Seen.Format(time.RFC3339), cell(p.chain)}
}

// cell keeps a spreadsheet from taking text for a formula.
func cell(text string) string {
	if strings.IndexAny(strings.TrimLeft(text, " "), "=+-@") == 0 {
		return "'" + text
	}
	return text
}

// Total is what has arrived at one address, in base units.
type Total struct {
	Network string
	// Chain is the identity of the chain it arrived on; empty in books of before chains were pinned.
	Chain    string
	Address  string
	Decimals int
	Count    int64
	// Amount is everything. Unassigned and Held are the parts of it that belong to no order; Held is bound to conditions,
	// and nodes may count it differently.
	Amount, Unassigned, Held Units
}

// Totals sums up the deposits of each address, to be held against the balance that a node tells: that is Amount, less
// what the owner has spent.
func (s *Shop) Totals(ctx context.Context) ([]Total, error) {
	list, err := collect(ctx, s.store.db, func(scan func(...any) error) (t Total, err error) {
		err = scan(&t.Network, &t.Chain, &t.Address, &t.Decimals, &t.Count, &t.Amount, &t.Unassigned, &t.Held)
		return t, err
	}, `SELECT p.network, coalesce(n.identity, '') AS chain, p.address, p.decimals, count(*), sum(p.amount),
		coalesce(sum(p.amount) FILTER (WHERE p.order_id IS NULL AND p.held = 0), 0), coalesce(sum(p.amount) FILTER (WHERE p.order_id IS NULL AND p.held = 1), 0)
		FROM payments p LEFT JOIN pins n ON n.id = p.pin_id GROUP BY p.network, chain, p.address, p.decimals ORDER BY p.network, chain, p.address`)
	return list, s.store.failed("add up the payments", err)
}
