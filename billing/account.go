package billing

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// nameKept is how long a name stays bound to its buyer after its last grant has ended.
const nameKept = 90 * 24 * time.Hour

// maxSuffixes is how many suffixed names are tried before an order gets a name that was made up.
const maxSuffixes = 16

// holder is who has a name.
type holder struct {
	exists bool
	// bound: nobody else may have it.
	bound    bool
	owner    bool
	buyerKey string
}

// holderOf tells who holds a name now.
func holderOf(ctx context.Context, tx *sql.Tx, username string, now time.Time) (holder, error) {
	h := holder{exists: true}
	err := tx.QueryRowContext(ctx, `SELECT owner, buyer_key, EXISTS (SELECT 1 FROM grants g WHERE g.username = a.username
		AND (g.state = 'pending' OR g.state = 'active' AND g.end_ms IS NULL OR g.end_ms > ?2)) FROM accounts a WHERE username = ?1`,
		username, ms(now.Add(-nameKept))).Scan(&h.owner, &h.buyerKey, &h.bound)
	if errors.Is(err, sql.ErrNoRows) {
		return holder{}, nil
	}
	return h, err
}

// accountFor finds or makes the account an order's time goes to, under another name if the wanted one was taken
// meanwhile. credsNew tells that the broker does not know its password yet. The order's credentials are applied when it
// first brings time, and to an account made for it, and never again.
func accountFor(ctx context.Context, tx *sql.Tx, o *orderRow, now time.Time) (credsNew bool, err error) {
	wanted := o.username
	for tries := 1; ; tries++ {
		h, err := holderOf(ctx, tx, o.username, now)
		switch {
		case err != nil:
			return false, err
		case h.exists && !h.owner && h.buyerKey == o.buyerKey:
			if o.applied {
				return false, nil
			}
			if !o.chosen {
				o.sealedPassword = "" // the account keeps the one it has
				return false, nil
			}
			return true, putAccount(ctx, tx, o.username, o.buyerKey, o.cred, now)
		case !h.bound:
			return true, putAccount(ctx, tx, o.username, o.buyerKey, o.cred, now)
		}
		o.username = withSuffix(wanted)
		if tries >= maxSuffixes { // somebody has bought the suffixes of this name
			o.username = newUsername()
		}
	}
}

// putAccount stores a name with its credential; an empty buyer key makes it the owner's.
func putAccount(ctx context.Context, tx *sql.Tx, username, buyerKey string, c Credential, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO accounts (username, owner, buyer_key, iterations, salt, key, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (username) DO UPDATE SET owner = excluded.owner, buyer_key = excluded.buyer_key, iterations = excluded.iterations,
		salt = excluded.salt, key = excluded.key, created_ms = excluded.created_ms`,
		username, buyerKey == "", buyerKey, c.Iterations, c.Salt[:], c.Key[:], ms(now))
	return err
}

// Account is somebody who may log in now.
type Account struct {
	Username string
	// Owner: made by the owner of the gateway, may read everything.
	Owner bool
	Credential
	GrantID int64
	// State is GrantPending while the access, or a new password, has not been proven: then Activate is to be called
	// after the proof. Otherwise GrantActive.
	State GrantState
	// End of the access; zero while pending for the first time, and for ever.
	End time.Time
}

// Accounts lists everybody who may log in now, by name. Who is not in it must not get in. See Revision for when to ask.
func (s *Shop) Accounts(ctx context.Context, now time.Time) ([]Account, error) {
	due, _ := s.due(now)
	var room int // about as many as there will be
	if err := s.store.db.QueryRowContext(ctx, `SELECT count(*) FROM grants WHERE state IN ('pending', 'active')`).Scan(&room); err != nil {
		return nil, s.store.failed("count the accounts", err)
	}
	// The index has the live grants only, and by name.
	list, err := collectInto(ctx, s.store.db, make([]Account, 0, room), accountScanner(), `SELECT a.username, a.salt || a.key, g.id, coalesce(g.end_ms, 0),
		4 * a.iterations + 2 * a.owner + (g.state = 'pending' OR EXISTS (SELECT 1 FROM orders o WHERE o.grant_id = g.id AND o.announced = 0))
		FROM grants g INDEXED BY grants_live CROSS JOIN accounts a ON a.username = g.username
		WHERE g.state IN ('pending', 'active') AND (g.state = 'pending' OR g.end_ms IS NULL OR g.end_ms > ?) AND (g.network <> ? OR g.network = ?)
		ORDER BY g.username`, ms(due), SandboxNetwork, s.currentTerms().Network.Name)
	return list, s.store.failed("list the accounts", err)
}

// accountScanner reads rows of accounts. There may be a hundred thousand of them at a time, so it uses its variables
// again: bytes that are the driver's, numbers that need no conversion, few columns.
func accountScanner() func(func(...any) error) (Account, error) {
	var name, secret sql.RawBytes
	var id, end, rest int64 // rest: the iterations, and a bit each for the owner's and the pending
	return func(scan func(...any) error) (Account, error) {
		if err := scan(&name, &secret, &id, &end, &rest); err != nil {
			return Account{}, err
		}
		a := Account{Username: string(name), GrantID: id, State: GrantActive, End: at(end), Owner: rest&2 != 0}
		a.Iterations = int(rest >> 2)
		copy(a.Key[:], secret[copy(a.Salt[:], secret):])
		if rest&1 != 0 {
			a.State = GrantPending
		}
		return a, nil
	}
}

// Revision counts what changes the list of Accounts: read it before the list. After a Tick that left it as it was the
// list is the same too, and need not be asked for.
func (s *Shop) Revision() uint64 { return s.store.rights.Load() }
