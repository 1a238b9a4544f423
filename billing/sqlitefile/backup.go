package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// keepBackups is how many copies made before migrations stay: one to undo the last upgrade, one to undo the one before.
const keepBackups = 2

// Backup writes a consistent copy of the open database to path with mode 0600, replacing an older copy only once the
// new one is complete and on disk.
func Backup(ctx context.Context, db *sql.DB, path string) error {
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Classify(err)
	}
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Classify(err)
	}
	defer f.Close()
	defer os.Remove(part) // fails, as it should, once the copy is renamed
	// VACUUM INTO fills an empty file and keeps its mode; it does not sync.
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, part); err != nil {
		return Classify(err)
	}
	if err := f.Sync(); err != nil {
		return Classify(err)
	}
	if err := os.Rename(part, path); err != nil {
		return Classify(err)
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// backupBefore copies the file at its present version and forgets all but the newest copies.
func backupBefore(ctx context.Context, db *sql.DB, file string, version int) error {
	if err := Backup(ctx, db, backupName(file, version)); err != nil {
		return err
	}
	versions := backupVersions(file)
	for _, old := range versions[:max(0, len(versions)-keepBackups)] {
		if err := os.Remove(backupName(file, old)); err != nil {
			return err
		}
	}
	return nil
}

func backupName(file string, version int) string { return fmt.Sprintf("%s.v%d.bak", file, version) }

// backupVersions lists the versions of which a copy lies beside the file, oldest first.
func backupVersions(file string) []int {
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil {
		return nil
	}
	var versions []int
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), filepath.Base(file)+".v")
		if !ok {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSuffix(rest, ".bak"))
		if err == nil && e.Name() == filepath.Base(backupName(file, n)) {
			versions = append(versions, n)
		}
	}
	slices.Sort(versions)
	return versions
}

// newestBackup names the copy to restore, for a message.
func newestBackup(file string) string {
	if versions := backupVersions(file); len(versions) > 0 {
		return backupName(file, versions[len(versions)-1])
	}
	return "your last `wattgate backup`"
}
