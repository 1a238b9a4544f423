package billing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// maxIdentity bounds the identity of a chain, in bytes.
const maxIdentity = 200

// pin is the chain that is taken for a network: deposits of another one are not its money.
type pin struct {
	id       int64
	identity string
}

// ChainError says that another chain than before answers for a network. Nothing of it is credited until the owner
// accepts it.
type ChainError struct {
	Network string
	// Pinned is the identity in the books, Found the one that answers.
	Pinned, Found string
}

// Error implements error.
func (e *ChainError) Error() string {
	return fmt.Sprintf("cannot take money on %s: another chain answers, %s instead of %s (set ledger.node to a node of the old one; or, if the network was started anew, accept it)",
		e.Network, e.Found, e.Pinned)
}

// PinLedger is called with the identity that a ledger tells before any of its deposits is credited. The first one a
// network tells is kept; another one later is a *ChainError. Play money comes from whatever file is there.
func (s *Shop) PinLedger(ctx context.Context, network, identity string, now time.Time) error {
	if err := checkIdentity(network, identity); err != nil {
		return err
	}
	var other *ChainError
	err := s.store.write(ctx, "pin the ledger", func(tx *sql.Tx) error {
		p, err := presentPin(ctx, tx, network)
		switch {
		case err != nil || p.identity == identity:
			return err
		case p.id != 0 && network != SandboxNetwork:
			other = &ChainError{Network: network, Pinned: p.identity, Found: identity}
			return nil
		}
		return pinChain(ctx, tx, network, identity, p, now)
	})
	if err == nil && other != nil {
		return other
	}
	return err
}

// AcceptLedger is the owner's word that a network is another chain from now on. The old one's deposits and grants stay
// as they are; the new one is read from its beginning, or from where it was left if it is an older one.
func (s *Shop) AcceptLedger(ctx context.Context, network, identity string, now time.Time) error {
	if err := checkIdentity(network, identity); err != nil {
		return err
	}
	return s.store.write(ctx, "accept the ledger", func(tx *sql.Tx) error {
		p, err := presentPin(ctx, tx, network)
		if err != nil || p.identity == identity {
			return err
		}
		return pinChain(ctx, tx, network, identity, p, now)
	})
}

func checkIdentity(network, identity string) error {
	if !plainName(network, 32) || !printable(identity, 1, maxIdentity) {
		return fmt.Errorf("cannot pin the ledger of %.40q: its identity must be 1 to %d printable characters (is this the right kind of node?)", network, maxIdentity)
	}
	return nil
}

// presentPin is the chain that was pinned last; none is the zero value.
func presentPin(ctx context.Context, tx *sql.Tx, network string) (p pin, err error) {
	err = tx.QueryRowContext(ctx, `SELECT id, identity FROM pins WHERE network = ? ORDER BY id DESC LIMIT 1`, network).Scan(&p.id, &p.identity)
	if errors.Is(err, sql.ErrNoRows) {
		return pin{}, nil
	}
	return p, err
}

// pinChain leaves the chain old, if there is one, and begins or continues another. The first chain of a network keeps
// the cursor that is there: books of before there were pins.
func pinChain(ctx context.Context, tx *sql.Tx, network, identity string, old pin, now time.Time) error {
	if old.id != 0 {
		_, err := tx.ExecContext(ctx, `UPDATE pins SET cursor = coalesce((SELECT cursor FROM cursors WHERE network = ?1), '') WHERE id = ?2`, network, old.id)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM cursors WHERE network = ?`, network); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO cursors (network, cursor) SELECT network, cursor FROM pins
			WHERE network = ? AND identity = ? AND cursor <> '' ORDER BY id DESC LIMIT 1`, network, identity)
		if err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO pins (network, identity, since_ms) VALUES (?, ?, ?)`, network, identity, ms(now)); err != nil {
		return err
	}
	detail := network + " is " + identity
	if old.id != 0 {
		detail += ", it was " + old.identity
	}
	return note(ctx, tx, now, Entry{Kind: "ledger", Detail: detail})
}
