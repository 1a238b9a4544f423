package billing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ChangeKind is what happened to an order or a grant.
type ChangeKind string

// The kinds of changes.
const (
	ChangePaid       ChangeKind = "paid"       // money came that brings no time yet
	ChangeGranted    ChangeKind = "granted"    // access waits for its proof: ensure, prove, Activate
	ChangeExtended   ChangeKind = "extended"   // an access that is proven lasts longer
	ChangeLapsed     ChangeKind = "lapsed"     // an order's time to pay is over
	ChangeEnded      ChangeKind = "ended"      // an access is over: ensure
	ChangeUnassigned ChangeKind = "unassigned" // money without an order came
)

// Change is something that happened and that somebody should be told of.
type Change struct {
	Kind ChangeKind
	// Order is the hash of the order it happened to; empty when none.
	Order    string
	Username string
	GrantID  int64
	// ReplyTo is the MQTT client id the buyer listens at; empty when none.
	ReplyTo string
	// Document is the signed state to send there now; nil when there is nothing to send.
	Document []byte
}

// leastCredit is the shortest time that a lapsed order brings, in seconds; what is below waits for more.
const leastCredit = 60

// Bounds of what a ledger says, in bytes.
const (
	maxDepositID = 200
	maxReference = 256
	maxCursor    = 512
)

// Credit stores a batch of deposits, credits them and moves the cursor, all in one transaction. A deposit seen before
// changes nothing; one that fits no order is kept as unassigned.
func (s *Shop) Credit(ctx context.Context, batch Batch, now time.Time) (changes []Change, err error) {
	if len(batch.Cursor) > maxCursor {
		return nil, fmt.Errorf("cannot credit the batch: its cursor exceeds %d bytes", maxCursor)
	}
	begun := s.begin(now)
	network := begun.terms.Network
	err = s.store.write(ctx, "credit the batch", func(tx *sql.Tx) error {
		c := begun.in(tx)
		if err := c.endGrants(ctx, network.Name); err != nil {
			return err
		}
		if err := c.look(ctx); err != nil {
			return err
		}
		pin, err := presentPin(ctx, tx, network.Name)
		if err != nil {
			return err
		}
		for _, d := range batch.Deposits {
			if err := c.deposit(ctx, d, pin); err != nil {
				return fmt.Errorf("deposit %s: %w", cleanText(d.ID, maxDepositID), err)
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO cursors (network, cursor) VALUES (?, ?) ON CONFLICT (network) DO UPDATE SET cursor = excluded.cursor`,
			network.Name, batch.Cursor)
		s.store.step("cursor stored")
		changes = c.changes
		return err
	})
	if err != nil {
		return nil, err
	}
	s.store.step("credit committed")
	return changes, nil
}

// Cursor is where the present network's ledger is to be read on; empty at the beginning.
func (s *Shop) Cursor(ctx context.Context) (string, error) {
	var cursor string
	err := s.store.db.QueryRowContext(ctx, `SELECT cursor FROM cursors WHERE network = ?`, s.currentTerms().Network.Name).Scan(&cursor)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return cursor, s.store.failed("read the cursor", err)
}

// crediting is one transaction that changes rights, and what it has to tell.
type crediting struct {
	shop    *Shop
	terms   Terms // those in force when it began
	tx      *sql.Tx
	now     time.Time
	due     time.Time // by which rights are judged; now while trusted
	trusted bool
	changes []Change
	// tagsOnly: no order is known by an amount or an address; set by look.
	tagsOnly bool
}

// deposit stores a deposit; the insert alone decides whether it is a new one.
func (c *crediting) deposit(ctx context.Context, d Deposit, p pin) error {
	if !printable(d.ID, 1, maxDepositID) || d.Amount < 0 {
		return errors.New("its id or amount cannot be (is this the right kind of node?)")
	}
	if d.At.IsZero() {
		d.At = c.now
	}
	n := c.terms.Network
	d.Reference, d.Address = cleanText(d.Reference, maxReference), cleanText(d.Address, maxAddress)
	res, err := c.tx.ExecContext(ctx, `INSERT INTO payments (network, deposit_id, address, reference, sender, amount, decimals, at_ms, seen_ms, pin_id)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (network, deposit_id) DO NOTHING`,
		n.Name, d.ID, d.Address, d.Reference, cleanText(d.Sender, maxAddress), d.Amount, n.Decimals, ms(d.At), ms(c.now), nullMS(p.id))
	if err != nil {
		return err
	}
	if fresh, err := res.RowsAffected(); err != nil || fresh == 0 {
		return err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return err
	}
	c.shop.store.step("payment stored")
	return c.match(ctx, id, d)
}

// unassigned keeps a payment that brings nothing, with the reason.
func (c *crediting) unassigned(ctx context.Context, payment int64, why string) error {
	if _, err := c.tx.ExecContext(ctx, `UPDATE payments SET note = ? WHERE id = ?`, why, payment); err != nil {
		return err
	}
	c.changes = append(c.changes, Change{Kind: ChangeUnassigned})
	return note(ctx, c.tx, c.now, Entry{Kind: "unassigned", Payment: payment, Detail: why})
}

// assign gives a stored payment to an order and the order what it then is worth. It refuses before it has written
// anything.
func (c *crediting) assign(ctx context.Context, payment int64, amount Units, atMS int64, o orderRow) error {
	price := o.priceID
	if atMS > o.expires {
		late, err := priceAt(ctx, c.tx, o.network, atMS)
		if err != nil {
			return err
		}
		price = late.ID
	}
	w, err := c.worth(ctx, o, price, amount)
	if err != nil {
		return err
	}
	res, err := c.tx.ExecContext(ctx, `UPDATE payments SET order_id = ?, price_id = ?, note = '' WHERE id = ? AND order_id IS NULL`, o.id, price, payment)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil {
		return err
	} else if n != 1 {
		return refuse(CodeConflict, "cannot assign the payment: it belongs to an order already", "see `wattgate payments`")
	}
	o.paid = w.paid
	switch {
	case w.settled:
		o.state = StateSettled
	case o.state == StateLapsed || ms(c.due) >= o.expires || atMS > o.expires:
		o.state = StateLapsed
	default:
		o.state = StatePartPaid
	}
	c.shop.store.step("payment assigned")
	err = note(ctx, c.tx, c.now, Entry{Kind: "paid", Username: o.username, Order: o.hash, Payment: payment,
		Detail: fmt.Sprintf("%s on %s; in all %s of %s", amount.Decimal(o.decimals), o.network, o.paid.Decimal(o.decimals), o.amount.Decimal(o.decimals))})
	if err != nil {
		return err
	}
	return c.settle(ctx, o, w.seconds, ChangePaid)
}

// worth of an order: what was paid for it and the time that buys.
type worth struct {
	paid    Units
	seconds int64
	settled bool // its own price was paid in full
}

// worth adds up the payments of an order, and one more. Payments of the same price are added before they are divided,
// so it matters neither in which parts nor in which sequence they came.
func (c *crediting) worth(ctx context.Context, o orderRow, extraPrice int64, extra Units) (worth, error) {
	type sum struct {
		price priceRow
		paid  Units
	}
	sums, err := collect(ctx, c.tx, func(scan func(...any) error) (sum, error) {
		var s sum
		err := scan(&s.price.ID, &s.price.Amount, &s.price.Period, &s.paid)
		return s, err
	}, `SELECT p.id, p.amount, p.period_s, coalesce((SELECT sum(amount) FROM payments WHERE order_id = ?1 AND price_id = p.id), 0)
		FROM prices p WHERE p.id IN (?2, ?3) OR p.id IN (SELECT price_id FROM payments WHERE order_id = ?1)`, o.id, o.priceID, extraPrice)
	if err != nil {
		return worth{}, err
	}
	tooLarge := refuse(CodeConflict, "cannot credit the payment: it buys more than a hundred years", "send it back by hand")
	var w worth
	for _, s := range sums {
		if s.price.ID == extraPrice {
			if s.paid, err = s.paid.plus(extra); err != nil {
				return worth{}, tooLarge
			}
		}
		seconds, err := s.price.Seconds(s.paid)
		if err != nil {
			return worth{}, tooLarge
		}
		w.seconds += seconds
		if w.paid, err = w.paid.plus(s.paid); err != nil {
			return worth{}, tooLarge
		}
		if s.price.ID == o.priceID {
			// A remainder that makes an amount unique is no part of the price.
			price, err := s.price.Cost(o.periods)
			if err != nil {
				return worth{}, err
			}
			w.settled = s.paid >= min(price, o.amount)
		}
	}
	held, err := remaining(ctx, c.tx, o.username, c.now)
	if err == nil && (w.seconds > MaxSeconds || held > MaxSeconds-(w.seconds-o.seconds)) {
		return worth{}, tooLarge
	}
	return w, err
}

// settle stores the state of an order and turns what it is worth beyond what it has brought into time, if it may have
// any: when it is paid in full, or lapsed with a minute's worth.
func (c *crediting) settle(ctx context.Context, o orderRow, worthSeconds int64, otherwise ChangeKind) error {
	kind, more := otherwise, worthSeconds-o.seconds
	if o.state == StateSettled || o.state == StateLapsed && worthSeconds >= leastCredit {
		if more > 0 {
			c.shop.store.changed()
			var err error
			if kind, err = c.grant(ctx, &o, more); err != nil {
				return err
			}
			o.seconds = worthSeconds
		}
	}
	_, err := c.tx.ExecContext(ctx, `UPDATE orders SET paid = ?, state = ?, seconds = ?, username = ?, sealed_password = ?, applied = ?, announced = ?,
		grant_id = ? WHERE id = ?`, o.paid, o.state, o.seconds, o.username, o.sealedPassword, o.applied, o.announced, nullMS(o.grantID), o.id)
	if err != nil {
		return err
	}
	c.shop.store.step("order stored")
	doc, err := c.shop.document(ctx, c.tx, o, c.due)
	c.changes = append(c.changes, Change{Kind: kind, Order: o.hash, Username: o.username, GrantID: o.grantID, ReplyTo: o.replyTo, Document: doc})
	return err
}
