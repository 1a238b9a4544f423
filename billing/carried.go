package billing

import (
	"context"
	"encoding/json"
)

// carried is the order that a payment carries in its metadata, placed now if it was not before. The payment's ledger
// time takes the place of the time at which an order is placed: not_after, the price and the time to pay count from it.
// Nothing is refused here that time can be given for: the money has come.
func (c *crediting) carried(ctx context.Context, d Deposit) (o orderRow, fresh bool, err error) {
	hash := OrderHash(d.Metadata)
	if o, err = orderBy(ctx, c.tx, `o.hash = ?`, hash); !isNone(err) {
		return o, false, c.here(o, err)
	}
	order, err := c.shop.unseal(ctx, c.tx, d.Metadata, c.now)
	if err != nil {
		return orderRow{}, false, err
	}
	// Sealed anew under an id that the buyer has used: the order is the first one, with its name and password.
	if o, err = orderBy(ctx, c.tx, `o.buyer_key = ? AND o.order_id = ?`, order.BuyerKey, order.ID); !isNone(err) {
		return o, false, c.here(o, err)
	}
	row, err := c.judgeCarried(ctx, order, hash, d)
	if err != nil {
		return orderRow{}, false, err
	}
	if err := insertOrder(ctx, c.tx, &row, order, Origin{Transport: ByHTTP}); err != nil {
		return orderRow{}, false, err
	}
	c.shop.store.step("carried order stored")
	o, err = orderBy(ctx, c.tx, `o.hash = ?`, hash)
	return o, true, err
}

// here refuses an order of another network.
func (c *crediting) here(o orderRow, err error) error {
	if err == nil && o.network != c.terms.Network.Name {
		return refuse(CodeConflict, "the order it carries is for "+o.network, "")
	}
	return err
}

// judgeCarried is judge for an order that came with its money.
func (c *crediting) judgeCarried(ctx context.Context, o Order, hash string, d Deposit) (orderRow, error) {
	t := c.terms
	switch {
	case d.At.After(o.NotAfter.Time):
		return orderRow{}, refuse(CodeExpired, "the order it carries was over before it was paid: its not_after had passed", "")
	case !t.Selling:
		return orderRow{}, refuse(CodeNotSelling, "it carries an order, but nothing is for sale", "")
	case o.Product != t.Product.ID:
		return orderRow{}, refuse(CodeInvalid, "it carries an order for a product that is not offered", "")
	}
	if _, err := currentPrice(ctx, c.tx, t, c.now); err != nil { // there is at least this one
		return orderRow{}, err
	}
	price, err := priceAt(ctx, c.tx, t.Network.Name, ms(d.At))
	if err != nil {
		return orderRow{}, err
	}
	o.Periods = max(o.Periods, price.MinPeriods)
	amount, err := price.worth(o, t)
	if err != nil {
		return orderRow{}, err
	}
	topics, err := json.Marshal(t.Product.Topics)
	return orderRow{
		hash: hash, orderID: o.ID, buyerKey: o.BuyerKey, network: t.Network.Name, address: d.Address, kind: ReferenceTag, carried: true,
		reference: referenceOf(hash), topics: string(topics), priceID: price.ID, periods: o.Periods, amount: amount, state: StateOpen,
		replyTo: o.ReplyTo, placed: ms(d.At), expires: ms(d.At.Add(openFor)), product: price.Product, decimals: price.Decimals,
	}, err
}

// gather gives a new order the payments that had its tag before it was known: whoever can seal an order knows its tag.
func (c *crediting) gather(ctx context.Context, o orderRow) error {
	type early struct {
		id, at int64
		amount Units
	}
	list, err := collect(ctx, c.tx, func(scan func(...any) error) (p early, err error) {
		err = scan(&p.id, &p.amount, &p.at)
		return p, err
	}, `SELECT id, amount, at_ms FROM payments WHERE network = ? AND reference = ? AND reference <> '' AND address = ? AND order_id IS NULL AND held = 0 ORDER BY id`,
		o.network, o.reference, o.address)
	if err != nil {
		return err
	}
	for _, p := range list {
		if o, err = orderBy(ctx, c.tx, `o.id = ?`, o.id); err != nil {
			return err
		}
		err = c.assign(ctx, p.id, p.amount, p.at, o)
		if refusal, ok := err.(*Refusal); ok {
			err = c.unassigned(ctx, p.id, refusal.Message)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
