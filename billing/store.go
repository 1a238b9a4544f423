package billing

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/wattgate/wattgate/billing/sqlitefile"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Options of a store.
type Options struct {
	// Log receives what the owner should know; nil: nothing is logged.
	Log *slog.Logger
	// Step is called between the steps of a credit with the name of the one just done. It is nil in production; tests
	// end the process in it.
	Step func(string)
}

// Store is the open database wattgate.db.
type Store struct {
	db   *sql.DB
	step func(string)
	// rights counts the changes to what Accounts lists. It is raised in the transaction that makes one: whoever reads it
	// and then lists waits for the one connection, and sees that change or a later count.
	rights atomic.Uint64
}

// Open opens or creates the database, migrating it first if need be. The errors are those of sqlitefile.Open.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	migrations, err := sqlitefile.Load(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlitefile.Open(ctx, path, migrations)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, step: o.Step}
	if s.step == nil {
		s.step = func(string) {}
	}
	if o.Log != nil {
		o.Log.Info("books open", "path", path, "schema", len(migrations))
	}
	return s, nil
}

// Close closes the database; a transaction still running is rolled back.
func (s *Store) Close() error { return s.db.Close() }

// changed is called in every transaction that changes what Accounts lists.
func (s *Store) changed() { s.rights.Add(1) }

// Backup writes a consistent copy to path (mode 0600) while the gateway runs.
func (s *Store) Backup(ctx context.Context, path string) error {
	if err := sqlitefile.Backup(ctx, s.db, path); err != nil {
		return fmt.Errorf("cannot back up the books to %s: %w", path, err)
	}
	return nil
}

// write runs fn in a transaction that is committed if fn returns nil. what completes "cannot …" in the error; a
// refusal is passed on as it is.
func (s *Store) write(ctx context.Context, what string, fn func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err == nil {
		defer tx.Rollback() // after a commit: nothing
		if err = fn(tx); err == nil {
			err = tx.Commit()
		}
	}
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal
	}
	return s.failed(what, err)
}

// failed completes the error of a statement.
func (s *Store) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s: %w", what, sqlitefile.Classify(err))
}

// queryer is a transaction or the database itself.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// collect reads all rows of a query with scan. The rows are closed before it returns: there is one connection.
func collect[T any](ctx context.Context, q queryer, scan func(func(...any) error) (T, error), query string, args ...any) ([]T, error) {
	return collectInto(ctx, q, nil, scan, query, args...)
}

// collectInto is collect into a list that has room already.
func collectInto[T any](ctx context.Context, q queryer, all []T, scan func(func(...any) error) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		item, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, rows.Err()
}

// ms and at convert between times and their columns; 0 stands for "not yet".
func ms(t time.Time) int64 { return t.UnixMilli() }

func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// nullMS is NULL for 0.
func nullMS(ms int64) sql.NullInt64 { return sql.NullInt64{Int64: ms, Valid: ms != 0} }
