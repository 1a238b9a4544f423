package billing

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"
)

// Transport is the way an order came.
type Transport string

// The transports; each has a quota of its own, so that a flood on one leaves the other open.
const (
	ByMQTT Transport = "mqtt"
	ByHTTP Transport = "http"
)

// Origin is where an order came from.
type Origin struct {
	Transport Transport
	// Addr is the network address without the port; empty when it is not known, as on MQTT.
	Addr string
}

// Quotas of orders that are open at the same time.
const (
	openFor          = 30 * time.Minute
	maxOpenByAddr    = 5
	maxOpenTransport = 500 // of each transport: 1,000 in all
	// maxOpenPooled is how many more of each transport a network of amounts serves with addresses of the pool.
	maxOpenPooled = 100
)

// PlaceOrder opens a sealed order and answers with the signed invoice. The identical bytes sent again are answered with
// the present state, invoice or receipt, and change nothing. What cannot be accepted is a *Refusal, which says what to
// do and, when the order could be opened, whom to tell.
func (s *Shop) PlaceOrder(ctx context.Context, sealed []byte, origin Origin, now time.Time) (doc []byte, err error) {
	if len(sealed) > MaxSealed {
		return nil, refuse(CodeTooLarge, "cannot take an order of this size", "seal at most 2048 bytes")
	}
	terms := s.currentTerms()
	due, _ := s.due(now)
	err = s.store.write(ctx, "place the order", func(tx *sql.Tx) error {
		o, err := orderBy(ctx, tx, `o.hash = ?`, OrderHash(sealed))
		if refusal, ok := errors.AsType[*Refusal](err); ok && refusal.Code == CodeNotFound {
			o, err = s.newOrder(ctx, tx, sealed, origin, terms, now)
		}
		if err != nil {
			return err
		}
		doc, err = s.document(ctx, tx, o, due)
		return err
	})
	if err != nil {
		return nil, err
	}
	return doc, nil
}

// newOrder opens, judges and stores an order that was not seen before.
func (s *Shop) newOrder(ctx context.Context, tx *sql.Tx, sealed []byte, origin Origin, terms Terms, now time.Time) (orderRow, error) {
	open, err := countOpen(ctx, tx, origin, now)
	if err == nil {
		err = open.room(terms.Network.kind())
	}
	if err != nil {
		return orderRow{}, err
	}
	order, err := s.unseal(ctx, tx, sealed, now)
	if err != nil {
		return orderRow{}, err
	}
	row, err := judge(ctx, tx, order, OrderHash(sealed), terms, now)
	if err == nil {
		err = refer(ctx, tx, &row, terms.Network, open, now)
	}
	if err != nil {
		return orderRow{}, withReply(err, order.ReplyTo)
	}
	return row, insertOrder(ctx, tx, &row, order, origin)
}

// unseal opens an order with the key that its envelope names.
func (s *Shop) unseal(ctx context.Context, tx *sql.Tx, sealed []byte, now time.Time) (Order, error) {
	kid := sealedKID(sealed)
	if kid == nil {
		return Order{}, refuse(CodeUnreadable, "cannot read the sealed order", "seal it to a key of the present offer, as the documentation of orders says")
	}
	private, err := sealKeyFor(ctx, tx, kid, now)
	if err != nil {
		return Order{}, err
	}
	if private == nil {
		return Order{}, refuse(CodeKeyUnknown, "cannot open an order sealed to this key", "fetch the offer again and seal to its key")
	}
	return openOrder(sealed, s.id.Public(), private)
}

// openOrders counts the orders of one transport that wait for money. Orders that came with their money do not count.
type openOrders struct {
	plain, pooled int // known by a tag or amount; by an address of the pool
	mine          int // of the same network address
	first         time.Time
	firstOfMine   time.Time
}

func countOpen(ctx context.Context, tx *sql.Tx, origin Origin, now time.Time) (open openOrders, err error) {
	var first, firstOfMine sql.NullInt64
	err = tx.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE kind <> 'address'), count(*) FILTER (WHERE kind = 'address'), min(expires_ms),
		count(*) FILTER (WHERE addr = ?1), min(expires_ms) FILTER (WHERE addr = ?1)
		FROM orders WHERE state IN ('open', 'part-paid') AND carried = 0 AND transport = ?2 AND expires_ms > ?3`, origin.Addr, origin.Transport, ms(now)).
		Scan(&open.plain, &open.pooled, &first, &open.mine, &firstOfMine)
	if origin.Addr == "" { // not known: everybody's
		open.mine = 0
	}
	open.first, open.firstOfMine = at(first.Int64), at(firstOfMine.Int64)
	return open, err
}

// room refuses another order where it is clear before a look at it that none can be taken.
func (open openOrders) room(kind ReferenceKind) error {
	switch {
	case open.mine >= maxOpenByAddr:
		return busy(open.firstOfMine)
	case kind == ReferenceTag && open.plain >= maxOpenTransport,
		kind == ReferenceAddress && open.pooled >= maxOpenTransport,
		kind == ReferenceAmount && open.plain >= maxOpenTransport && open.pooled >= maxOpenPooled:
		return busy(open.first)
	}
	return nil
}

// busy refuses an order until a time.
func busy(retry time.Time) *Refusal {
	r := refuse(CodeBusy, "cannot take another order now: too many are open", "pay for one of them, or come back when the first has lapsed")
	r.RetryAt = retry
	return r
}

// judge holds an order against the terms and the books and prices it. It stores nothing.
func judge(ctx context.Context, tx *sql.Tx, o Order, hash string, terms Terms, now time.Time) (orderRow, error) {
	if now.After(o.NotAfter.Time) {
		return orderRow{}, refuse(CodeExpired, "cannot place the order: its not_after has passed", "make a new one; check the clock")
	}
	if !terms.Selling {
		return orderRow{}, refuse(CodeNotSelling, "cannot place an order: nothing is for sale", "come back when the offer names a product")
	}
	price, err := currentPrice(ctx, tx, terms, now)
	if err != nil {
		return orderRow{}, err
	}
	var offered int64
	err = tx.QueryRowContext(ctx, `SELECT price_id FROM offers WHERE hash = ?`, o.OfferHash).Scan(&offered)
	if errors.Is(err, sql.ErrNoRows) || err == nil && offered != price.ID {
		return orderRow{}, refuse(CodeOfferChanged, "cannot place the order: its offer does not hold any more", "fetch the offer again and order from it")
	}
	if err != nil {
		return orderRow{}, err
	}
	amount, err := price.worth(o, terms)
	if err != nil {
		return orderRow{}, err
	}
	if err := orderable(ctx, tx, o, now); err != nil {
		return orderRow{}, err
	}
	topics, err := json.Marshal(terms.Product.Topics)
	if err != nil {
		return orderRow{}, err
	}
	return orderRow{
		hash: hash, orderID: o.ID, buyerKey: o.BuyerKey, network: terms.Network.Name, address: terms.Network.Address, kind: ReferenceTag,
		reference: referenceOf(hash), topics: string(topics), priceID: price.ID, periods: o.Periods, amount: amount, state: StateOpen,
		replyTo: o.ReplyTo, placed: ms(now), expires: ms(now.Add(openFor)), product: price.Product, decimals: price.Decimals,
	}, nil
}

// worth is what the order costs at this price.
func (p priceRow) worth(o Order, terms Terms) (Units, error) {
	if o.Product != terms.Product.ID {
		return 0, refuse(CodeInvalid, "cannot order this product: it is not offered", "use the id of a product of the offer")
	}
	if o.Periods < p.MinPeriods {
		return 0, refuse(CodeInvalid, "cannot order so few periods", "order at least min_periods of the offer")
	}
	amount, err := p.Cost(o.Periods)
	if err == nil {
		most, over := amount.plus(MaxRemainder) // a reference may add to it
		_, err = p.Seconds(most)
		err = errors.Join(over, err)
	}
	if err != nil {
		return 0, refuse(CodeInvalid, "cannot order so many periods", "order at most a hundred years")
	}
	return amount, nil
}

// orderable refuses an order id used before, and a name that is somebody else's already. A name that is free now may
// be taken by the time the order is paid; that is told in the receipt.
func orderable(ctx context.Context, tx *sql.Tx, o Order, now time.Time) error {
	var used bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM orders WHERE buyer_key = ? AND order_id = ?)`, o.BuyerKey, o.ID).Scan(&used)
	if err != nil {
		return err
	}
	if used {
		return refuse(CodeOrderExists, "cannot place the order: its id was used before", "send the first sealed bytes again, or make a new order id")
	}
	if o.Username == "" {
		return nil
	}
	holder, err := holderOf(ctx, tx, o.Username, now)
	if err == nil && holder.bound && holder.buyerKey != o.BuyerKey {
		return refuse(CodeUsernameTaken, "cannot use this user name: it belongs to somebody else", "choose another one, or none to get one made")
	}
	return err
}

// insertOrder completes the row with a name and the verifier of the password, and stores it. The password ends here.
func insertOrder(ctx context.Context, tx *sql.Tx, row *orderRow, o Order, origin Origin) (err error) {
	row.username, row.chosen = o.Username, o.Password != ""
	if row.username == "" {
		row.username = newUsername()
	}
	password, iterations := o.Password, iterationsChosen
	if !row.chosen {
		password, iterations = newPassword(), iterationsGenerated
		if row.sealedPassword, err = SealReply([]byte(password), o.ReplyKey, row.hash); err != nil {
			return withReply(refuse(CodeInvalid, "cannot seal a password to the reply key", "use an X25519 public key in base64url"), o.ReplyTo)
		}
	}
	if row.cred, err = hashPassword(password, iterations); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO orders (hash, order_id, buyer_key, network, address, reference, topics, price_id, periods, amount, state,
		username, chosen, iterations, salt, key, sealed_password, reply_to, refund_address, transport, addr, placed_ms, expires_ms, kind, carried)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		row.hash, row.orderID, row.buyerKey, row.network, row.address, row.reference, row.topics, row.priceID, row.periods, row.amount, row.state,
		row.username, row.chosen, row.cred.Iterations, row.cred.Salt[:], row.cred.Key[:], row.sealedPassword, row.replyTo, o.RefundAddress,
		origin.Transport, cleanText(origin.Addr, 64), row.placed, row.expires, row.kind, row.carried)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	// Two orders with one tag can be made on purpose: it has 80 bits. Nobody's payments may stop because of it.
	return withReply(refuse(CodeOrderExists, "cannot place the order: another one has its reference", "seal it anew"), o.ReplyTo)
}
