package billing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxHold bounds why a ledger holds a deposit, in bytes.
const maxHold = 200

// look finds out whether anything but tags is a reference in these books, so that catching up need not ask for each
// deposit. What a transaction of credits adds are tags.
func (c *crediting) look(ctx context.Context) error {
	return c.tx.QueryRowContext(ctx, `SELECT NOT EXISTS (SELECT 1 FROM addresses) AND NOT EXISTS (SELECT 1 FROM orders WHERE kind <> 'tag')`).Scan(&c.tagsOnly)
}

// match gives a new deposit to the order it is for, or keeps it as unassigned with the reason.
func (c *crediting) match(ctx context.Context, payment int64, d Deposit) error {
	pooled, err := c.spend(ctx, d.Address)
	if err != nil {
		return err
	}
	if d.Hold != "" {
		if _, err := c.tx.ExecContext(ctx, `UPDATE payments SET held = 1 WHERE id = ?`, payment); err != nil {
			return err
		}
		return c.unassigned(ctx, payment, "held: "+cleanText(d.Hold, maxHold))
	}
	o, fresh, err := c.orderFor(ctx, d, pooled)
	if err == nil {
		err = c.assign(ctx, payment, d.Amount, ms(d.At), o)
	}
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return c.unassigned(ctx, payment, refusal.Message)
	}
	if err == nil && fresh {
		err = c.gather(ctx, o)
	}
	return err
}

// spend has an address of the pool that money came to never be used again, and tells whether it is one.
func (c *crediting) spend(ctx context.Context, address string) (pooled bool, err error) {
	if c.tagsOnly {
		return false, nil
	}
	res, err := c.tx.ExecContext(ctx, `UPDATE addresses SET free_ms = NULL WHERE network = ? AND address = ?`, c.terms.Network.Name, address)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// orderFor finds the order that a deposit names by its tag, by the order it carries, by its address or by its amount. The
// refusal says why there is none. fresh: the order was not in the books.
func (c *crediting) orderFor(ctx context.Context, d Deposit, pooled bool) (o orderRow, fresh bool, err error) {
	network := c.terms.Network.Name
	if d.Reference != "" {
		o, err = orderBy(ctx, c.tx, `o.network = ? AND o.reference = ? AND o.address = ?`, network, d.Reference, d.Address)
		if !isNone(err) {
			return o, false, err
		}
	}
	switch {
	case sealedKID(d.Metadata) != nil && !pooled && d.Address != c.terms.Network.Address:
		return orderRow{}, false, refuse(CodeConflict, "it carries an order, but arrived at an address that is not ours", "")
	case sealedKID(d.Metadata) != nil:
		return c.carried(ctx, d)
	case pooled:
		o, err = c.known(ctx, ReferenceAddress, d, "")
		if isNone(err) {
			err = refuse(CodeNotFound, "no order has this address of the pool, or had it when this was paid", "")
		}
		return o, false, err
	}
	err = refuse(CodeNotFound, "", "")
	if !c.tagsOnly {
		o, err = c.known(ctx, ReferenceAmount, d, ` AND o.amount = ?5`)
	}
	if isNone(err) {
		var why string
		if why, err = c.whyNone(ctx, d); err == nil {
			err = refuse(CodeNotFound, why, "")
		}
	}
	return o, false, err
}

// isNone reports whether err says that there is no such order.
func isNone(err error) bool {
	refusal, ok := errors.AsType[*Refusal](err)
	return ok && refusal.Code == CodeNotFound
}

// known finds the order that the address, and by it the amount, belonged to when the deposit was made: the newest that
// is not younger, if it was not over too long.
func (c *crediting) known(ctx context.Context, kind ReferenceKind, d Deposit, more string) (orderRow, error) {
	moment := ms(d.At)
	return orderBy(ctx, c.tx, `o.kind = ?1 AND o.kind <> 'tag' AND o.network = ?2 AND o.address = ?3 AND o.placed_ms <= ?4 `+more+`
		AND coalesce(o.lapsed_ms, o.expires_ms) >= ?6 ORDER BY o.id DESC`,
		kind, c.terms.Network.Name, d.Address, moment+clockSkew.Milliseconds(), d.Amount, moment-amountKept.Milliseconds())
}

// whyNone tells the owner why a deposit fits no order; where amounts are references, which orders it may be for.
func (c *crediting) whyNone(ctx context.Context, d Deposit) (string, error) {
	if c.terms.Network.kind() == ReferenceAmount {
		near, err := c.nearest(ctx, d)
		if err != nil || len(near) == 0 {
			return "no order asks for this amount", err
		}
		return "no order asks for this amount; the nearest open ones: " + strings.Join(near, ", "), nil
	}
	if len(d.Metadata) > 0 {
		return "no order has this reference and address, and what it carries is no sealed order", nil
	}
	return "no order has this reference and address", nil
}

// nearest names up to three open orders whose amount is close to what was paid: an exchange may have taken its fee, a
// wallet may have rounded.
func (c *crediting) nearest(ctx context.Context, d Deposit) ([]string, error) {
	type candidate struct {
		name   string
		amount Units
		off    Units
	}
	const open = `SELECT reference, amount FROM orders WHERE kind = 'amount' AND kind <> 'tag' AND network = ? AND address = ? AND state IN ('open', 'part-paid') `
	var all []candidate
	for _, side := range []string{`AND amount > ? ORDER BY amount LIMIT 3`, `AND amount < ? ORDER BY amount DESC LIMIT 3`} {
		found, err := collect(ctx, c.tx, func(scan func(...any) error) (n candidate, err error) {
			err = scan(&n.name, &n.amount)
			n.off = max(n.amount-d.Amount, d.Amount-n.amount)
			return n, err
		}, open+side, c.terms.Network.Name, d.Address, d.Amount)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, func(a, b candidate) int { return int(min(max(a.off-b.off, -1), 1)) })
	var names []string
	for _, n := range all[:min(3, len(all))] {
		sign := "more"
		if n.amount < d.Amount {
			sign = "less"
		}
		names = append(names, fmt.Sprintf("%s (%s %s)", n.name, n.off.Decimal(c.terms.Network.Decimals), sign))
	}
	return names, nil
}
