package readings

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/wattgate/wattgate/billing/sqlitefile"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is the open file. Its methods may be called from any goroutine.
type Store struct {
	db     *sql.DB
	log    *slog.Logger
	secret []byte // 32 bytes, never changed

	mu     sync.Mutex        // guards names and ids
	names  map[string]string // serial → the owner's name, as in the file
	ids    map[string]string // UDN → derived id
	owners map[string]string // derived id → UDN, the reverse of ids
}

// Open opens or creates the file at path. A file that cannot be used is refused with the remedy; see sqlitefile.Open.
func Open(ctx context.Context, path string, log *slog.Logger) (*Store, error) {
	steps, err := sqlitefile.Load(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlitefile.Open(ctx, path, steps)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, log: log}
	if err := s.load(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot read %s: %w", path, sqlitefile.Classify(err)), db.Close())
	}
	return s, nil
}

// Close writes the log back and closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Backup writes a consistent copy to path (mode 0600) while the gateway runs.
func (s *Store) Backup(ctx context.Context, path string) error {
	if err := sqlitefile.Backup(ctx, s.db, path); err != nil {
		return fmt.Errorf("cannot back up the readings to %s: %w", path, err)
	}
	return nil
}

func (s *Store) load(ctx context.Context) error {
	// A power cut may take the last minute but not the file: with a write-ahead log NORMAL is safe against damage
	// (sqlite.org/pragma.html#pragma_synchronous) and spares the flash a sync per write.
	if _, err := s.db.ExecContext(ctx, `PRAGMA synchronous = NORMAL`); err != nil {
		return err
	}
	fresh := make([]byte, 32)
	rand.Read(fresh) // never fails: it would end the program instead
	if _, err := s.db.ExecContext(ctx, `INSERT INTO secret (one, bytes) VALUES (1, ?) ON CONFLICT DO NOTHING`, fresh); err != nil {
		return err
	}
	if err := s.db.QueryRowContext(ctx, `SELECT bytes FROM secret`).Scan(&s.secret); err != nil {
		return err
	}
	var err error
	if s.names, err = s.pairs(ctx, `SELECT serial, name FROM names`); err != nil {
		return err
	}
	if s.ids, err = s.pairs(ctx, `SELECT udn, id FROM ids`); err != nil {
		return err
	}
	s.owners = make(map[string]string, len(s.ids))
	for udn, id := range s.ids {
		s.owners[id] = udn
	}
	return nil
}

// pairs reads a query of two text columns.
func (s *Store) pairs(ctx context.Context, query string) (map[string]string, error) {
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return nil, err
		}
		out[key] = value
	}
	return out, rows.Err()
}

// inTx runs do in one transaction.
func (s *Store) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after Commit it does nothing
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}
