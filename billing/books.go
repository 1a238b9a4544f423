package billing

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// orderRow is an order as the books keep it: what was asked for, and how far it has come. The password itself is
// never among it.
type orderRow struct {
	id                          int64
	hash, orderID, buyerKey     string
	network, address, reference string
	kind                        ReferenceKind
	carried                     bool   // it came inside a payment
	topics                      string // JSON array
	priceID, periods            int64
	amount, paid                Units
	seconds                     int64
	state, username             string
	chosen                      bool // the buyer chose the password
	cred                        Credential
	sealedPassword              string
	applied, announced          bool
	grantID                     int64
	replyTo                     string
	placed, expires             int64
	product                     string
	decimals                    int
}

const orderColumns = `SELECT o.id, o.hash, o.order_id, o.buyer_key, o.network, o.address, o.reference, o.topics, o.price_id, o.periods,
	o.amount, o.paid, o.seconds, o.state, o.username, o.chosen, o.iterations, o.salt, o.key, o.sealed_password, o.applied, o.announced,
	coalesce(o.grant_id, 0), o.reply_to, o.placed_ms, o.expires_ms, o.kind, o.carried, p.product, p.decimals
	FROM orders o JOIN prices p ON p.id = o.price_id `

func scanOrder(scan func(...any) error) (orderRow, error) {
	var o orderRow
	var salt, key []byte
	err := scan(&o.id, &o.hash, &o.orderID, &o.buyerKey, &o.network, &o.address, &o.reference, &o.topics, &o.priceID, &o.periods,
		&o.amount, &o.paid, &o.seconds, &o.state, &o.username, &o.chosen, &o.cred.Iterations, &salt, &key, &o.sealedPassword, &o.applied, &o.announced,
		&o.grantID, &o.replyTo, &o.placed, &o.expires, &o.kind, &o.carried, &o.product, &o.decimals)
	copy(o.cred.Salt[:], salt)
	copy(o.cred.Key[:], key)
	return o, err
}

// grantRow is a grant as the books keep it; seconds 0 is for ever.
type grantRow struct {
	id         int64
	username   string
	network    string
	state      GrantState
	seconds    int64
	start, end int64
}

const grantColumns = `SELECT id, username, network, state, coalesce(seconds, 0), coalesce(start_ms, 0), coalesce(end_ms, 0) FROM grants `

func scanGrant(scan func(...any) error) (grantRow, error) {
	var g grantRow
	err := scan(&g.id, &g.username, &g.network, &g.state, &g.seconds, &g.start, &g.end)
	return g, err
}

// document is the signed state of an order: a receipt once it has brought time, an invoice until then.
func (s *Shop) document(ctx context.Context, tx *sql.Tx, o orderRow, now time.Time) ([]byte, error) {
	if o.grantID == 0 {
		return s.id.SignInvoice(o.invoice(now))
	}
	g, err := scanGrant(tx.QueryRowContext(ctx, grantColumns+`WHERE id = ?`, o.grantID).Scan)
	if err != nil {
		return nil, err
	}
	r, err := o.receipt(g, now)
	if err != nil {
		return nil, err
	}
	return s.id.SignReceipt(r)
}

func (o orderRow) invoice(now time.Time) Invoice {
	state := o.state
	if ms(now) >= o.expires {
		state = StateLapsed
	}
	return Invoice{
		Order: o.orderID, Hash: o.hash, Network: o.network, Address: o.address, Amount: moneyOf(o.amount, o.decimals),
		ReferenceKind: o.kind, Reference: o.told(), Expires: Stamp{at(o.expires)}, State: state, Paid: moneyOf(o.paid, o.decimals),
	}
}

func (o orderRow) receipt(g grantRow, now time.Time) (Receipt, error) {
	r := Receipt{
		Order: o.orderID, Hash: o.hash, Username: o.username, SealedPassword: o.sealedPassword, Seconds: o.seconds,
		Start: Stamp{at(g.start)}, End: Stamp{at(g.end)}, Paid: moneyOf(o.paid, o.decimals),
	}
	switch {
	case g.state == GrantEnded || g.state == GrantRevoked || g.end != 0 && g.end <= ms(now):
		r.State = StateEnded
	case g.state == GrantActive && o.announced:
		r.State = StateActive
	default:
		r.State = StateSettled
	}
	if err := json.Unmarshal([]byte(o.topics), &r.Topics); err != nil {
		return Receipt{}, fmt.Errorf("the topics of order %s are unreadable: %w", o.hash, err)
	}
	return r, nil
}

// OrderState is the signed invoice or receipt of an order, named by the hash of its sealed bytes.
func (s *Shop) OrderState(ctx context.Context, hash string, now time.Time) (doc []byte, err error) {
	due, _ := s.due(now)
	err = s.store.write(ctx, "look up the order", func(tx *sql.Tx) error {
		o, err := orderBy(ctx, tx, `o.hash = ?`, hash)
		if err != nil {
			return err
		}
		doc, err = s.document(ctx, tx, o, due)
		return err
	})
	return doc, err
}

// ReplyTo is the MQTT client id that an order asked to be answered at; empty when it named none.
func (s *Shop) ReplyTo(ctx context.Context, hash string) (client string, err error) {
	err = s.store.write(ctx, "look up the order", func(tx *sql.Tx) error {
		o, err := orderBy(ctx, tx, `o.hash = ?`, hash)
		client = o.replyTo
		return err
	})
	return client, err
}

// orderBy finds one order; none is a refusal with CodeNotFound.
func orderBy(ctx context.Context, tx *sql.Tx, where string, args ...any) (orderRow, error) {
	found, err := collect(ctx, tx, scanOrder, orderColumns+`WHERE `+where+` LIMIT 1`, args...)
	if err == nil && len(found) == 0 {
		err = refuse(CodeNotFound, "cannot find the order", "check its hash; an order nobody paid for is forgotten after 30 days")
	}
	if err != nil {
		return orderRow{}, err
	}
	return found[0], nil
}
