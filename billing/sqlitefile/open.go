package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite", free of cgo
)

// busyTimeoutMS is how long a statement waits for another process (a person with the sqlite3 shell, a backup) to let
// go of the file. Longer than any transaction of ours, shorter than a watchdog's patience.
const busyTimeoutMS = 5000

// Open opens the database at path, creating it with mode 0600 when it is missing, and brings it to the newest
// migration. The directory must exist. The caller closes the returned handle.
//
// A refusal wraps ErrUnreadable, ErrCorrupt, ErrForeign, ErrNewer or ErrFull and says what to do.
func Open(ctx context.Context, path string, migrations []Migration) (*sql.DB, error) {
	if err := prepare(path); err != nil {
		return nil, fmt.Errorf("cannot open database %s: %w", path, err)
	}
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		return nil, fmt.Errorf("cannot open database %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	db.SetConnMaxLifetime(0)
	if err := ready(ctx, db, path, migrations); err != nil {
		db.Close()
		return nil, fmt.Errorf("cannot open database %s: %w", path, remedy(path, Classify(err)))
	}
	return db, nil
}

// ready checks the file and migrates it.
func ready(ctx context.Context, db *sql.DB, path string, migrations []Migration) error {
	if err := quickCheck(ctx, db); err != nil {
		return err
	}
	return migrate(ctx, db, path, migrations)
}

// prepare sees to it that the file exists and is ours to write before SQLite touches it: SQLite would create it
// readable for everybody, and its own errors do not tell a missing directory from a forbidden one.
func prepare(path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: directory %s does not exist (create it, owned by the user wattgate runs as)", ErrUnreadable, dir)
	case err != nil:
		return fmt.Errorf("%w: %w (the user wattgate runs as must be able to enter %s)", ErrUnreadable, err, dir)
	case !info.IsDir():
		return fmt.Errorf("%w: %s is not a directory", ErrUnreadable, dir)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return Classify(fmt.Errorf("%w (the user wattgate runs as must own %s and be able to write to it)", err, dir))
	}
	defer f.Close()
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%w: it is not a regular file", ErrUnreadable)
	}
	// The write-ahead log is created beside the file; a directory that only lets us write the file is not enough.
	probe, err := os.CreateTemp(dir, ".write-*")
	if err != nil {
		return Classify(fmt.Errorf("%w (the user wattgate runs as must be able to write to %s)", err, dir))
	}
	probe.Close()
	return os.Remove(probe.Name())
}

func dsn(path string) string {
	q := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeoutMS),
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "trusted_schema(OFF)", "cell_size_check(ON)", "secure_delete(ON)",
	}, "_txlock": {"immediate"}}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: q.Encode()}
	return u.String()
}

// quickCheck asks SQLite whether the pages hang together. It reads the whole file once, at open, where refusing is
// still cheap.
func quickCheck(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %.200q", ErrCorrupt, verdict)
	}
	return nil
}
