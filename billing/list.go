package billing

import (
	"context"
	"time"
)

// PageSize is the most rows that a list returns. Lists are in the sequence of their ids; the next page is asked for
// with the last id of this one, the first with 0.
const PageSize = 1000

// Grant is a right to log in, for reading; its life is in GrantState.
type Grant struct {
	ID       int64
	Username string
	Owner    bool
	State    GrantState
	// Seconds it was given in all; 0: for ever.
	Seconds int64
	Created time.Time
	// Start is zero until the access was proven, End also when it is for ever.
	Start, End time.Time
	Reason     string
	// Withheld is how much of its active time nobody was served in, in whole milliseconds; see Shop.Withhold.
	Withheld time.Duration
}

// Grants lists all grants, live and past.
func (s *Shop) Grants(ctx context.Context, after int64) ([]Grant, error) {
	list, err := collect(ctx, s.store.db, func(scan func(...any) error) (Grant, error) {
		var g Grant
		var created, start, end, withheld int64
		err := scan(&g.ID, &g.Username, &g.Owner, &g.State, &g.Seconds, &created, &start, &end, &g.Reason, &withheld)
		g.Withheld = time.Duration(withheld) * time.Millisecond
		g.Created, g.Start, g.End = at(created), at(start), at(end)
		return g, err
	}, `SELECT id, username, network = '', state, coalesce(seconds, 0), created_ms, coalesce(start_ms, 0), coalesce(end_ms, 0), reason, `+withheldOf+`
		FROM grants WHERE id > ? ORDER BY id LIMIT ?`, after, PageSize)
	return list, s.store.failed("list the grants", err)
}

// OrderRow is an order, for reading. State is open, part-paid, settled or lapsed.
type OrderRow struct {
	ID       int64
	Hash     string
	State    string
	Username string
	Product  string
	Periods  int64
	Network  string
	// Address is where it is to be paid to, Kind what its payment is known by; Reference is its short name in any case.
	Address   string
	Kind      ReferenceKind
	Reference string
	Amount    Units
	Paid      Units
	Decimals  int
	// Seconds it has brought so far.
	Seconds         int64
	Placed, Expires time.Time
}

// Orders lists the orders; those nobody paid for are forgotten some time after they lapsed.
func (s *Shop) Orders(ctx context.Context, after int64) ([]OrderRow, error) {
	list, err := collect(ctx, s.store.db, func(scan func(...any) error) (OrderRow, error) {
		o, err := scanOrder(scan)
		return OrderRow{
			ID: o.id, Hash: o.hash, State: o.state, Username: o.username, Product: o.product, Periods: o.periods, Network: o.network,
			Address: o.address, Kind: o.kind, Reference: o.reference, Amount: o.amount, Paid: o.paid, Decimals: o.decimals, Seconds: o.seconds, Placed: at(o.placed), Expires: at(o.expires),
		}, err
	}, orderColumns+`WHERE o.id > ? ORDER BY o.id LIMIT ?`, after, PageSize)
	return list, s.store.failed("list the orders", err)
}

// Payment is a deposit, for reading.
type Payment struct {
	ID      int64
	Network string
	// Deposit is its id on the network. Address, Reference and Sender were written by strangers and are printable.
	Deposit, Address, Reference, Sender string
	Amount                              Units
	Decimals                            int
	// At is the ledger's time of it, Seen the gateway's.
	At, Seen time.Time
	// Order is the hash of the order it was credited to; empty: unassigned, and Note says why.
	Order, Note string
	// Held: bound to conditions, as Note says; only the owner can assign it.
	Held bool
}

const paymentColumns = `SELECT p.id, p.network, p.deposit_id, p.address, p.reference, p.sender, p.amount, p.decimals, p.at_ms, p.seen_ms,
	coalesce(o.hash, ''), p.note, p.held FROM payments p LEFT JOIN orders o ON o.id = p.order_id `

func scanPayment(scan func(...any) error) (Payment, error) {
	var p Payment
	var ledger, seen int64
	err := scan(&p.ID, &p.Network, &p.Deposit, &p.Address, &p.Reference, &p.Sender, &p.Amount, &p.Decimals, &ledger, &seen, &p.Order, &p.Note, &p.Held)
	p.At, p.Seen = at(ledger), at(seen)
	return p, err
}

// Payments lists every deposit ever seen.
func (s *Shop) Payments(ctx context.Context, after int64) ([]Payment, error) {
	list, err := collect(ctx, s.store.db, scanPayment, paymentColumns+`WHERE p.id > ? ORDER BY p.id LIMIT ?`, after, PageSize)
	return list, s.store.failed("list the payments", err)
}

// Unassigned lists the deposits that belong to no order yet.
func (s *Shop) Unassigned(ctx context.Context, after int64) ([]Payment, error) {
	list, err := collect(ctx, s.store.db, scanPayment, paymentColumns+`WHERE p.order_id IS NULL AND p.id > ? ORDER BY p.id LIMIT ?`, after, PageSize)
	return list, s.store.failed("list the payments", err)
}

// Journal lists what changed a right, and why.
func (s *Shop) Journal(ctx context.Context, after int64) ([]Entry, error) {
	list, err := collect(ctx, s.store.db, func(scan func(...any) error) (Entry, error) {
		var e Entry
		var when int64
		err := scan(&e.ID, &when, &e.Kind, &e.Username, &e.Order, &e.Grant, &e.Payment, &e.Detail)
		e.At = at(when)
		return e, err
	}, `SELECT id, at_ms, kind, username, order_hash, grant_id, payment_id, detail FROM journal WHERE id > ? ORDER BY id LIMIT ?`, after, PageSize)
	return list, s.store.failed("list the journal", err)
}
