package billing

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// AddGrant lets a user of the owner in, for whole seconds, or for ever when d is 0. The password is told this once.
func (s *Shop) AddGrant(ctx context.Context, username string, d time.Duration, reason string, now time.Time) (g Grant, password string, err error) {
	if err := CheckUsername(username); err != nil {
		return Grant{}, "", err
	}
	seconds := int64(d / time.Second)
	if d < 0 || d%time.Second != 0 || seconds > MaxSeconds {
		return Grant{}, "", refuse(CodeInvalid, "cannot grant this time", "use whole seconds up to a hundred years, or for ever")
	}
	password = newPassword()
	cred, err := hashPassword(password, iterationsGenerated)
	if err != nil {
		return Grant{}, "", err
	}
	reason = cleanText(reason, 200)
	begun := s.begin(now)
	err = s.store.write(ctx, "add the grant", func(tx *sql.Tx) error {
		h, err := holderOf(ctx, tx, username, now)
		if err != nil {
			return err
		}
		if h.bound && !h.owner {
			return refuse(CodeUsernameTaken, "cannot grant to "+username+": the name belongs to a buyer", "choose another name")
		}
		c := begun.in(tx)
		if err := c.endGrants(ctx, s.currentTerms().Network.Name); err != nil {
			return err
		}
		live, err := liveGrant(ctx, tx, username)
		if err != nil {
			return err
		}
		if live.id != 0 {
			return refuse(CodeConflict, "cannot grant to "+username+": the user has access already", "revoke it first, then add it again")
		}
		s.store.changed()
		if err := putAccount(ctx, tx, username, "", cred, now); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO grants (username, network, state, seconds, reason, created_ms) VALUES (?, '', 'pending', ?, ?, ?)`,
			username, nullMS(seconds), reason, ms(now))
		if err != nil {
			return err
		}
		id, err := res.LastInsertId()
		g = Grant{ID: id, Username: username, Owner: true, State: GrantPending, Seconds: seconds, Created: at(ms(now)), Reason: reason}
		return errors.Join(err, note(ctx, tx, now, Entry{Kind: "added", Username: username, Grant: id, Detail: reason}))
	})
	if err != nil {
		return Grant{}, "", err
	}
	return g, password, nil
}

// Revoke ends the access of a user at once, whether bought or given. The name stays bound as after any grant.
func (s *Shop) Revoke(ctx context.Context, username, reason string, now time.Time) error {
	begun := s.begin(now)
	return s.store.write(ctx, "revoke", func(tx *sql.Tx) error {
		g, err := liveGrant(ctx, tx, username)
		if err != nil {
			return err
		}
		if g.id == 0 {
			return refuse(CodeNotFound, "cannot revoke: no such user has access", "see `wattgate grants`")
		}
		c := begun.in(tx)
		return c.endGrant(ctx, g, GrantRevoked, reason, ms(now))
	})
}

// Assign credits an unassigned payment to an order, named by its hash or reference, once. The price is that of the
// payment's ledger time, as if it had carried the reference.
func (s *Shop) Assign(ctx context.Context, paymentID int64, order string, now time.Time) (changes []Change, err error) {
	network, begun := s.currentTerms().Network.Name, s.begin(now)
	err = s.store.write(ctx, "assign the payment", func(tx *sql.Tx) error {
		var amount Units
		var atMS int64
		var on string
		err := tx.QueryRowContext(ctx, `SELECT amount, at_ms, network FROM payments WHERE id = ? AND order_id IS NULL`, paymentID).Scan(&amount, &atMS, &on)
		if errors.Is(err, sql.ErrNoRows) {
			return refuse(CodeNotFound, "cannot assign: there is no such unassigned payment", "see `wattgate payments`")
		}
		if err != nil {
			return err
		}
		o, err := orderBy(ctx, tx, `o.hash = ?1 OR o.reference = ?1`, order)
		if err != nil {
			return err
		}
		if o.network != on {
			return refuse(CodeConflict, "cannot assign: the payment is on "+on+", the order on "+o.network, "send the money back by hand")
		}
		c := begun.in(tx)
		if err := c.endGrants(ctx, network); err != nil {
			return err
		}
		err = c.assign(ctx, paymentID, amount, atMS, o)
		changes = c.changes
		return err
	})
	if err != nil {
		return nil, err
	}
	return changes, nil
}
