package billing

import (
	"context"
	"crypto/sha256"
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
	if err := quota(ctx, tx, origin, now); err != nil {
		return orderRow{}, err
	}
	kid := sealedKID(sealed)
	if kid == nil {
		return orderRow{}, refuse(CodeUnreadable, "cannot read the sealed order", "seal it to a key of the present offer, as the documentation of orders says")
	}
	private, err := sealKeyFor(ctx, tx, kid, now)
	if err != nil {
		return orderRow{}, err
	}
	if private == nil {
		return orderRow{}, refuse(CodeKeyUnknown, "cannot open an order sealed to this key", "fetch the offer again and seal to its key")
	}
	order, err := openOrder(sealed, s.id.Public(), private)
	if err != nil {
		return orderRow{}, err
	}
	row, err := judge(ctx, tx, order, OrderHash(sealed), terms, now)
	if err != nil {
		return orderRow{}, withReply(err, order.ReplyTo)
	}
	return row, insertOrder(ctx, tx, &row, order, origin)
}

// quota refuses when too many orders are open, and says when the first of them will not be any more.
func quota(ctx context.Context, tx *sql.Tx, origin Origin, now time.Time) error {
	var all, mine int
	var firstOfAll, firstOfMine sql.NullInt64
	err := tx.QueryRowContext(ctx, `SELECT count(*), min(expires_ms), count(*) FILTER (WHERE addr = ?1), min(expires_ms) FILTER (WHERE addr = ?1)
		FROM orders WHERE state IN ('open', 'part-paid') AND transport = ?2 AND expires_ms > ?3`, origin.Addr, origin.Transport, ms(now)).
		Scan(&all, &firstOfAll, &mine, &firstOfMine)
	if err != nil {
		return err
	}
	busy := refuse(CodeBusy, "cannot take another order now: too many are open", "pay for one of them, or come back when the first has lapsed")
	switch {
	case all >= maxOpenTransport:
		busy.RetryAt = at(firstOfAll.Int64)
		return busy
	case origin.Addr != "" && mine >= maxOpenByAddr:
		busy.RetryAt = at(firstOfMine.Int64)
		return busy
	}
	return nil
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
		hash: hash, orderID: o.ID, buyerKey: o.BuyerKey, network: terms.Network.Name, address: terms.Network.Address,
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
		_, err = p.Seconds(amount)
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

// referenceOf is the short token that ties a payment to its order where a payment can carry text: 80 bits of the
// order's hash, fit for a Stardust tag. It authenticates nothing: whoever pays with it gives the order time.
func referenceOf(hash string) string {
	sum := sha256.Sum256([]byte("wattgate/reference/v1\x00" + hash))
	return "wg-" + lowerBase32.EncodeToString(sum[:10])
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
	_, err = tx.ExecContext(ctx, `INSERT INTO orders (hash, order_id, buyer_key, network, address, reference, topics, price_id, periods, amount, state,
		username, chosen, iterations, salt, key, sealed_password, reply_to, refund_address, transport, addr, placed_ms, expires_ms)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		row.hash, row.orderID, row.buyerKey, row.network, row.address, row.reference, row.topics, row.priceID, row.periods, row.amount, row.state,
		row.username, row.chosen, row.cred.Iterations, row.cred.Salt[:], row.cred.Key[:], row.sealedPassword, row.replyTo, o.RefundAddress,
		origin.Transport, cleanText(origin.Addr, 64), row.placed, row.expires)
	return err
}
