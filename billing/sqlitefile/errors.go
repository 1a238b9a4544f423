package sqlitefile

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What can be wrong with a database file. Match with errors.Is.
var (
	// ErrUnreadable: the file or its directory is missing or forbidden.
	ErrUnreadable = errors.New("not accessible")
	// ErrCorrupt: the bytes are damaged or are no database.
	ErrCorrupt = errors.New("the file is damaged")
	// ErrForeign: a database, but none that this program made.
	ErrForeign = errors.New("the file belongs to another program")
	// ErrNewer: written by a newer release that says this one may not work with it.
	ErrNewer = errors.New("the file was written by a newer release")
	// ErrFull: no space is left on the device.
	ErrFull = errors.New("the disk is full")
	// ErrBusy: another process held the file for longer than the patience of a statement.
	ErrBusy = errors.New("another process holds the file")
)

// Classify wraps err with the sentinel that its SQLite result code or system error stands for; any other error,
// and nil, is returned as it is. Callers use it on the errors of statements they ran themselves.
func Classify(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{ErrUnreadable, ErrCorrupt, ErrForeign, ErrNewer, ErrFull, ErrBusy} {
		if errors.Is(err, known) {
			return err
		}
	}
	if kind := kindOf(err); kind != nil {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}

func kindOf(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return ErrFull
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EISDIR) {
		return ErrUnreadable
	}
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return nil
	}
	switch lite.Code() & 0xff { // the low byte is the primary code, the rest refines it
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return ErrCorrupt
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return ErrUnreadable
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return ErrBusy
	}
	return nil
}

// remedy adds what the owner can do about a file that cannot be used.
func remedy(path string, err error) error {
	switch {
	case errors.Is(err, ErrCorrupt):
		return fmt.Errorf("%w (stop wattgate, move %[2]s, %[2]s-wal and %[2]s-shm aside, copy %[3]s to %[2]s, start it again)",
			err, path, newestBackup(path))
	case errors.Is(err, ErrNewer):
		return fmt.Errorf("%w (install that release again, or stop wattgate and copy %s over the file: what happened since is then lost)",
			err, newestBackup(path))
	case errors.Is(err, ErrForeign):
		return fmt.Errorf("%w (move it aside, or name another state directory)", err)
	case errors.Is(err, ErrFull):
		return fmt.Errorf("%w (free some space on that device and start wattgate again; nothing was lost)", err)
	case errors.Is(err, ErrBusy):
		return fmt.Errorf("%w (is a second wattgate or a database tool running on it?)", err)
	}
	return err
}
