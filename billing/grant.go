package billing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// GrantState is where a grant is in its life: pending → active → ended, or revoked from either.
type GrantState string

// The states of a grant.
const (
	GrantPending GrantState = "pending" // may log in; not proven yet, its time does not run
	GrantActive  GrantState = "active"  // proven; its time runs
	GrantEnded   GrantState = "ended"
	GrantRevoked GrantState = "revoked" // by the owner
)

// liveGrant is the grant of a name that may log in, with id 0 when there is none.
func liveGrant(ctx context.Context, tx *sql.Tx, username string) (grantRow, error) {
	g, err := scanGrant(tx.QueryRowContext(ctx, grantColumns+`WHERE username = ? AND state IN ('pending', 'active')`, username).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return grantRow{}, nil
	}
	return g, err
}

// remaining is the time a name still has, in seconds.
func remaining(ctx context.Context, tx *sql.Tx, username string, now time.Time) (int64, error) {
	g, err := liveGrant(ctx, tx, username)
	switch {
	case err != nil || g.id == 0:
		return 0, err
	case g.state == GrantPending:
		return g.seconds, nil
	}
	return max(0, (g.end-ms(now)+999)/1000), nil
}

// grant gives an order's account more seconds: it extends the live grant from max(now, end), or makes a new one that
// waits for its proof.
func (c *crediting) grant(ctx context.Context, o *orderRow, seconds int64) (ChangeKind, error) {
	credsNew, err := accountFor(ctx, c.tx, o, c.now)
	if err != nil {
		return "", err
	}
	c.shop.store.step("account stored")
	first := !o.applied
	o.applied = true
	g, err := liveGrant(ctx, c.tx, o.username)
	if err != nil {
		return "", err
	}
	kind := ChangeGranted
	switch {
	case g.id == 0:
		res, err := c.tx.ExecContext(ctx, `INSERT INTO grants (username, network, state, seconds, reason, created_ms) VALUES (?, ?, 'pending', ?, ?, ?)`,
			o.username, o.network, seconds, "order "+o.hash[:12], ms(c.now))
		if err != nil {
			return "", err
		}
		if g.id, err = res.LastInsertId(); err != nil {
			return "", err
		}
		o.announced = false
	case g.state == GrantPending:
		_, err = c.tx.ExecContext(ctx, `UPDATE grants SET seconds = seconds + ? WHERE id = ?`, seconds, g.id)
		o.announced = false
	default:
		_, err = c.tx.ExecContext(ctx, `UPDATE grants SET seconds = seconds + ?, end_ms = max(end_ms, ?) + ? WHERE id = ?`, seconds, ms(c.now), 1000*seconds, g.id)
		// The broker knows the account already, unless its password is a new one.
		if o.announced = !credsNew && (first || o.announced); o.announced {
			kind = ChangeExtended
		}
	}
	if err != nil {
		return "", err
	}
	o.grantID = g.id
	c.shop.store.step("grant stored")
	return kind, note(ctx, c.tx, c.now, Entry{Kind: string(kind), Username: o.username, Order: o.hash, Grant: g.id,
		Detail: fmt.Sprintf("%d s for %s on %s", seconds, o.paid.Decimal(o.decimals), o.network)})
}

// endGrants ends what is over, and what was bought with play money on another network.
func (c *crediting) endGrants(ctx context.Context, network string) error {
	over, err := collect(ctx, c.tx, scanGrant, grantColumns+`WHERE state = 'active' AND end_ms <= ?1
		OR state IN ('pending', 'active') AND network = ?2 AND network <> ?3`, ms(c.due), SandboxNetwork, network)
	if err != nil {
		return err
	}
	for _, g := range over {
		why, end := "its time is over", g.end
		if g.state == GrantPending || g.end > ms(c.due) {
			why, end = "play money does not count on this network", ms(c.now)
		}
		if err := c.endGrant(ctx, g, GrantEnded, why, end); err != nil {
			return err
		}
		c.changes = append(c.changes, Change{Kind: ChangeEnded, Username: g.username, GrantID: g.id})
	}
	return nil
}

func (c *crediting) endGrant(ctx context.Context, g grantRow, state GrantState, why string, end int64) error {
	c.shop.store.changed()
	if _, err := c.tx.ExecContext(ctx, `UPDATE grants SET state = ?, end_ms = ? WHERE id = ?`, state, end, g.id); err != nil {
		return err
	}
	if err := reached(ctx, c.tx, c.now); err != nil {
		return err
	}
	return note(ctx, c.tx, c.now, Entry{Kind: string(state), Username: g.username, Grant: g.id, Detail: why})
}

// Activated is an access that was proven and may now be announced.
type Activated struct {
	GrantID  int64
	Username string
	Owner    bool
	// Order is the hash of the order it is told for; empty for the owner's users, who have no receipt either.
	Order   string
	ReplyTo string
	// Receipt is the signed receipt with state "active".
	Receipt []byte
	Start   time.Time
	End     time.Time // zero: for ever
}

// Activate is called after the broker has proven that it obeys what was rendered from these accounts, the answer of
// Accounts: the time of those that were pending starts now. It returns what is to be announced. Grants that have ended
// meanwhile are passed over, and so are accounts whose password is another one by now: they wait for its proof. While
// the clock is not trusted nothing starts.
//
// A second call returns nothing: a receipt that is lost between this call and its publication is not sent again by
// itself. The buyer sends the sealed order again and gets it, as he does when the network loses it.
func (s *Shop) Activate(ctx context.Context, rendered []Account, now time.Time) (list []Activated, err error) {
	begun := s.begin(now)
	if !begun.trusted {
		return nil, nil
	}
	err = s.store.write(ctx, "activate grants", func(tx *sql.Tx) error {
		list = nil
		c := begun.in(tx)
		for _, a := range rendered {
			if a.State != GrantPending {
				continue
			}
			found, err := c.activate(ctx, a)
			if err != nil {
				return fmt.Errorf("grant %d: %w", a.GrantID, err)
			}
			list = append(list, found...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (c *crediting) activate(ctx context.Context, rendered Account) ([]Activated, error) {
	id := rendered.GrantID
	var proven bool
	err := c.tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM grants g JOIN accounts a ON a.username = g.username
		WHERE g.id = ? AND a.salt = ? AND a.key = ?)`, id, rendered.Salt[:], rendered.Key[:]).Scan(&proven)
	if err != nil || !proven {
		return nil, err
	}
	res, err := c.tx.ExecContext(ctx, `UPDATE grants SET state = 'active', start_ms = ?1, end_ms = ?1 + 1000 * seconds WHERE id = ?2 AND state = 'pending'`, ms(c.now), id)
	if err != nil {
		return nil, err
	}
	started, err := res.RowsAffected()
	if err != nil {
		return nil, err
	}
	g, err := scanGrant(c.tx.QueryRowContext(ctx, grantColumns+`WHERE id = ? AND state = 'active'`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c.shop.store.changed()
	if started > 0 {
		if err := reached(ctx, c.tx, c.now); err != nil {
			return nil, err
		}
		if err := note(ctx, c.tx, c.now, Entry{Kind: string(GrantActive), Username: g.username, Grant: id, Detail: "the broker has proven it"}); err != nil {
			return nil, err
		}
	}
	orders, err := collect(ctx, c.tx, scanOrder, orderColumns+`WHERE o.grant_id = ? AND o.announced = 0 ORDER BY o.id`, id)
	if err != nil {
		return nil, err
	}
	base := Activated{GrantID: id, Username: g.username, Start: at(g.start), End: at(g.end)}
	if len(orders) == 0 && started > 0 {
		base.Owner = true
		return []Activated{base}, nil
	}
	list := make([]Activated, 0, len(orders))
	for _, o := range orders {
		if _, err := c.tx.ExecContext(ctx, `UPDATE orders SET announced = 1 WHERE id = ?`, o.id); err != nil {
			return nil, err
		}
		o.announced = true
		a := base
		a.Order, a.ReplyTo = o.hash, o.replyTo
		if a.Receipt, err = c.shop.document(ctx, c.tx, o, c.due); err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}
