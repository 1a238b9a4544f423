package billing

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha512"
	"crypto/subtle"
	"database/sql"
	"errors"
	"time"
)

// Account is one row of Accounts, by its name; false for a name that may not log in now.
func (s *Shop) Account(ctx context.Context, username string, now time.Time) (Account, bool, error) {
	due, _ := s.due(now)
	a := Account{Username: username}
	var salt, key []byte
	var end int64
	err := s.store.db.QueryRowContext(ctx, `SELECT a.iterations, a.salt, a.key, a.owner, g.id, g.state, coalesce(g.end_ms, 0)
		FROM grants g JOIN accounts a ON a.username = g.username
		WHERE g.username = ? AND (g.state = 'pending' OR g.state = 'active' AND (g.end_ms IS NULL OR g.end_ms > ?)) AND (g.network <> ? OR g.network = ?)
		LIMIT 1`, username, ms(due), SandboxNetwork, s.currentTerms().Network.Name).Scan(&a.Iterations, &salt, &key, &a.Owner, &a.GrantID, &a.State, &end)
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, false, nil
	}
	if err != nil {
		return Account{}, false, s.store.failed("look up an account", err)
	}
	copy(a.Salt[:], salt)
	copy(a.Key[:], key)
	a.End = at(end)
	return a, true, nil
}

// Login is Account for whoever knows its password. It takes the same time whether the name or the password is wrong, up to
// the difference between a generated and a chosen one.
func (s *Shop) Login(ctx context.Context, username, password string, now time.Time) (Account, bool, error) {
	a, known, err := s.Account(ctx, username, now)
	if err != nil {
		return Account{}, false, err
	}
	if !known {
		a.Iterations = iterationsGenerated
	}
	key, err := pbkdf2.Key(sha512.New, password, a.Salt[:], a.Iterations, len(a.Key))
	if err != nil {
		return Account{}, false, s.store.failed("check a password", err)
	}
	if subtle.ConstantTimeCompare(key, a.Key[:]) != 1 || !known {
		return Account{}, false, nil
	}
	return a, true, nil
}
