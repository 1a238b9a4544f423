package billing

import (
	"context"
	"database/sql"
	"time"
)

// Unpaid orders that lapsed are remembered for late money: for 30 days, and no more than so many of them.
const (
	lapsedKept = 30 * 24 * time.Hour
	maxLapsed  = 10_000
)

// Tick lets time pass: orders lapse, grants end, keys rotate. It returns what happened and the earliest moment at which
// something will happen by itself again. While the clock is not trusted nothing ends or lapses that was not over when
// trust was lost, and the next moment is that of the keys.
func (s *Shop) Tick(ctx context.Context, now time.Time) (next time.Time, changes []Change, err error) {
	network, begun := s.currentTerms().Network.Name, s.begin(now)
	err = s.store.write(ctx, "let time pass", func(tx *sql.Tx) error {
		c := begun.in(tx)
		if err := c.endGrants(ctx, network); err != nil {
			return err
		}
		if err := c.lapse(ctx); err != nil {
			return err
		}
		key, err := currentSealKey(ctx, tx, now)
		if err != nil {
			return err
		}
		changes = c.changes
		next = at(key.created).Add(sealKeyOffered)
		if c.trusted {
			next, err = nextEvent(ctx, tx, next)
		}
		return err
	})
	if err != nil {
		return time.Time{}, nil, err
	}
	return next, changes, nil
}

// lapse closes orders whose time to pay is over and credits what was paid for them, if it makes a minute.
func (c *crediting) lapse(ctx context.Context) error {
	due, err := collect(ctx, c.tx, scanOrder, orderColumns+`WHERE o.state IN ('open', 'part-paid') AND o.expires_ms <= ? ORDER BY o.id`, ms(c.due))
	if err != nil {
		return err
	}
	for _, o := range due {
		o.state = StateLapsed
		w := worth{}
		if o.paid > 0 {
			if w, err = c.worth(ctx, o, o.priceID, 0); err != nil {
				return err
			}
		}
		if err := c.settle(ctx, o, w.seconds, ChangeLapsed); err != nil {
			return err
		}
		if err := c.keepLapsed(ctx, o); err != nil {
			return err
		}
	}
	_, err = c.tx.ExecContext(ctx, `DELETE FROM orders WHERE state = 'lapsed' AND paid = 0 AND (coalesce(lapsed_ms, expires_ms) < ? OR id <=
		(SELECT id FROM orders WHERE state = 'lapsed' AND paid = 0 ORDER BY id DESC LIMIT 1 OFFSET ?))
		AND id NOT IN (SELECT order_id FROM payments WHERE order_id IS NOT NULL)`, ms(c.now.Add(-lapsedKept)), maxLapsed)
	return err
}

// keepLapsed has the memory of a lapsed order begin when its lapse is noticed: what was paid while the gateway was down
// is still to be seen.
func (c *crediting) keepLapsed(ctx context.Context, o orderRow) error {
	if _, err := c.tx.ExecContext(ctx, `UPDATE orders SET lapsed_ms = ? WHERE id = ?`, ms(c.now), o.id); err != nil || o.kind != ReferenceAmount {
		return err
	}
	_, err := c.tx.ExecContext(ctx, `UPDATE amounts SET free_ms = max(free_ms, ?) WHERE network = ? AND amount = ?`, ms(c.now.Add(amountKept)), o.network, o.amount)
	return err
}

// nextEvent is the earliest end of a grant or an order's time to pay, but not after latest.
func nextEvent(ctx context.Context, tx *sql.Tx, latest time.Time) (time.Time, error) {
	var first sql.NullInt64
	err := tx.QueryRowContext(ctx, `SELECT min(t) FROM (SELECT min(end_ms) AS t FROM grants WHERE state = 'active'
		UNION ALL SELECT min(expires_ms) FROM orders WHERE state IN ('open', 'part-paid'))`).Scan(&first)
	if err != nil || !first.Valid {
		return latest, err
	}
	if t := at(first.Int64); t.Before(latest) {
		return t, nil
	}
	return latest, nil
}
