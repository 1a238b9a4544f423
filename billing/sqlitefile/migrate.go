package sqlitefile

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Migration is one additive step of a schema. The position in the list is its version, counted from 1.
type Migration struct {
	// SQL holds the statements; they run in one transaction.
	SQL string
	// ReadableBy is the oldest schema version whose program may still read and write the result; 1 when the step only
	// adds what an older program can ignore, its own number when it cannot.
	ReadableBy int
}

// readableMark opens each migration file and is followed by the number for ReadableBy.
const readableMark = "-- readable-by: "

// Load reads migrations from the files NNNN_name.sql of dir, in order and without gaps. Their first line is
// "-- readable-by: N".
func Load(fsys fs.FS, dir string) ([]Migration, error) {
	entries, err := fs.ReadDir(fsys, dir) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("cannot list migrations: %w", err)
	}
	var list []Migration
	for _, e := range entries {
		number, _, ok := strings.Cut(e.Name(), "_")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n != len(list)+1 || !strings.HasSuffix(e.Name(), ".sql") {
			return nil, fmt.Errorf("cannot use migration %s: expected %04d_name.sql", e.Name(), len(list)+1)
		}
		raw, err := fs.ReadFile(fsys, path.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("cannot read migration %s: %w", e.Name(), err)
		}
		first, _, _ := strings.Cut(string(raw), "\n")
		mark, found := strings.CutPrefix(first, readableMark)
		readable, err := strconv.Atoi(strings.TrimSpace(mark))
		if !found || err != nil || readable < 1 || readable > n {
			return nil, fmt.Errorf("cannot use migration %s: its first line must be %q and a version from 1 to %d", e.Name(), readableMark, n)
		}
		list = append(list, Migration{SQL: string(raw), ReadableBy: readable})
	}
	return list, nil
}

// versionsTable records each step that ran; the newest row is the file's version. It is a table and not only
// user_version because an older program must learn whether it may go on.
const versionsTable = `CREATE TABLE schema_versions (version INTEGER PRIMARY KEY, readable_by INTEGER NOT NULL) STRICT`

// migrate brings the file to the newest version, or refuses it.
func migrate(ctx context.Context, db *sql.DB, file string, migrations []Migration) error {
	version, fresh, err := currentVersion(ctx, db)
	if err != nil {
		return err
	}
	if version > len(migrations) {
		return mayRead(ctx, db, version, len(migrations))
	}
	if version == len(migrations) {
		return nil
	}
	if !fresh {
		if err := backupBefore(ctx, db, file, version); err != nil {
			return fmt.Errorf("cannot back it up before migrating version %d to %d: %w", version, len(migrations), err)
		}
	}
	for n := version + 1; n <= len(migrations); n++ {
		if err := step(ctx, db, n, migrations[n-1]); err != nil {
			return fmt.Errorf("cannot migrate to version %d: %w", n, err)
		}
	}
	return nil
}

// currentVersion is 0 and fresh for a file without any table.
func currentVersion(ctx context.Context, db *sql.DB) (version int, fresh bool, err error) {
	var tables, ours int
	err = db.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE name = 'schema_versions') FROM sqlite_schema`).Scan(&tables, &ours)
	switch {
	case err != nil:
		return 0, false, err
	case tables == 0:
		return 0, true, nil
	case ours == 0:
		return 0, false, ErrForeign
	}
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM schema_versions`).Scan(&version)
	return version, false, err
}

// mayRead tells whether a program that knows `known` versions may work with a file that has had `version` of them.
func mayRead(ctx context.Context, db *sql.DB, version, known int) error {
	var oldest int
	if err := db.QueryRowContext(ctx, `SELECT max(readable_by) FROM schema_versions`).Scan(&oldest); err != nil {
		return err
	}
	if oldest > known {
		return fmt.Errorf("%w: it has schema version %d, readable from version %d on, and this release knows up to %d", ErrNewer, version, oldest, known)
	}
	return nil
}

func step(ctx context.Context, db *sql.DB, n int, m Migration) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if n == 1 {
		if _, err := tx.ExecContext(ctx, versionsTable); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, m.SQL); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO schema_versions (version, readable_by) VALUES (?, ?)`, n, m.ReadableBy); err != nil {
		return err
	}
	return tx.Commit()
}
