package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/daemon/backup"
	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/readings"
	"github.com/wattgate/wattgate/daemon/tlscert"
)

// Directories below the state directory that a backup and its return pass through.
const (
	dirBackup   = "backup.part"    // copies on their way out
	dirRestore  = "restore.part"   // a backup on its way in, not yet checked
	dirRestored = "restore.ready"  // checked; the next start puts it in place
	dirBefore   = "before-restore" // what was there until then
)

// Names of the files of a backup, below the state directory.
const (
	fileBooks    = "wattgate.db"
	fileReadings = "readings.db"
	fileIdentity = "identity.key"
	fileSandbox  = "sandbox.ledger"
)

// copied are the files that are copied as they are; the databases have ways of their own.
func copied() []string { return []string{fileIdentity, fileSandbox, "tls/cert.pem", "tls/key.pem"} }

// kept is every file a backup may hold.
func kept() []string { return append([]string{fileBooks, fileReadings}, copied()...) }

// ownerBackup writes everything that must not be lost: books, readings, identity, certificate.
func (g *Gateway) ownerBackup(ctx context.Context, w io.Writer) error {
	g.moving.Lock()
	defer g.moving.Unlock()
	dir := filepath.Join(g.o.Dirs.State, dirBackup)
	defer os.RemoveAll(dir)
	if err := freshDir(dir); err != nil {
		return err
	}
	if err := g.store.Backup(ctx, filepath.Join(dir, fileBooks)); err != nil {
		return err
	}
	if err := g.readings.Backup(ctx, filepath.Join(dir, fileReadings)); err != nil {
		return err
	}
	names := []string{fileBooks, fileReadings}
	for _, name := range copied() {
		err := copyFile(filepath.Join(dir, name), filepath.Join(g.o.Dirs.State, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot back up %s: %w", name, err)
		}
		names = append(names, name)
	}
	m := backup.Manifest{Version: g.o.Version, Gateway: g.identity.Fingerprint(), Identity: true, Made: time.Now().UTC()}
	if err := backup.Write(w, m, dir, names); err != nil {
		return err
	}
	g.log.Info("backup made", "files", len(names))
	return nil
}

func freshDir(dir string) error {
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return fmt.Errorf("cannot make room for the backup: %w", err)
	}
	return nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// ownerRestore takes a backup, looks whether a gateway could start with it, and starts anew with it.
func (g *Gateway) ownerRestore(ctx context.Context, in io.Reader) (any, error) {
	g.moving.Lock()
	defer g.moving.Unlock()
	dir := filepath.Join(g.o.Dirs.State, dirRestore)
	defer os.RemoveAll(dir)
	if err := freshDir(dir); err != nil {
		return nil, err
	}
	allowed := map[string]bool{}
	for _, name := range kept() {
		allowed[name] = true
	}
	m, err := backup.Read(in, dir, allowed)
	if err != nil {
		return nil, err
	}
	if err := g.tryBackup(ctx, dir, m); err != nil {
		return nil, fmt.Errorf("cannot use the backup, nothing was changed: %w", err)
	}
	ready := filepath.Join(g.o.Dirs.State, dirRestored)
	if err := errors.Join(os.RemoveAll(ready), os.Rename(dir, ready)); err != nil {
		return nil, fmt.Errorf("cannot keep the backup: %w", err)
	}
	g.log.Warn("restored from a backup, the gateway starts anew", "made", m.Made, "gateway", m.Gateway)
	g.startAnew(g.config())
	return control.Restored{Gateway: m.Gateway, Made: m.Made, Identity: m.Identity, Same: m.Gateway == g.identity.Fingerprint()}, nil
}

// tryBackup opens what came, as the next start will.
func (g *Gateway) tryBackup(ctx context.Context, dir string, m backup.Manifest) error {
	for _, name := range []string{fileBooks, fileReadings, fileIdentity} { // opening would make what is missing
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("there is no %s in it", name)
		}
	}
	identity, err := billing.LoadIdentity(filepath.Join(dir, fileIdentity))
	if err != nil {
		return err
	}
	if identity.Fingerprint() != m.Gateway {
		return errors.New("its identity key is not that of the gateway it says it is of")
	}
	store, err := billing.Open(ctx, filepath.Join(dir, fileBooks), billing.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	history, err := readings.Open(ctx, filepath.Join(dir, fileReadings), g.log)
	if err != nil {
		return err
	}
	defer history.Close()
	// One that has ended is no reason to refuse the books; the owner is told as ever.
	if _, err := tlscert.Read(filepath.Join(dir, "tls"), m.Made); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// bringIn puts a restored backup in place, before anything is open. It may be interrupted anywhere and goes on with the next
// start: a file of the backup that is not there any more has arrived.
func bringIn(state string) error {
	ready, before := filepath.Join(state, dirRestored), filepath.Join(state, dirBefore)
	if _, err := os.Stat(ready); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	begun := filepath.Join(ready, "begun")
	if _, err := os.Stat(begun); errors.Is(err, fs.ErrNotExist) {
		if err := errors.Join(os.RemoveAll(before), os.MkdirAll(filepath.Join(before, "tls"), 0o700), os.MkdirAll(filepath.Join(state, "tls"), 0o700), os.WriteFile(begun, nil, 0o600)); err != nil {
			return fmt.Errorf("cannot restore the backup: %w", err)
		}
	}
	move := func(from, to, name string) error {
		err := os.Rename(filepath.Join(from, name), filepath.Join(to, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	// A log of the old database beside the new one would damage it.
	for _, name := range []string{fileBooks, fileReadings} {
		if err := errors.Join(move(state, before, name+"-wal"), move(state, before, name+"-shm")); err != nil {
			return fmt.Errorf("cannot restore the backup: %w", err)
		}
	}
	for _, name := range kept() {
		if _, err := os.Stat(filepath.Join(ready, name)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if _, err := os.Stat(filepath.Join(before, name)); errors.Is(err, fs.ErrNotExist) {
			if err := move(state, before, name); err != nil {
				return fmt.Errorf("cannot restore the backup: %w", err)
			}
		}
		if err := move(ready, state, name); err != nil {
			return fmt.Errorf("cannot restore the backup: %w", err)
		}
	}
	if err := os.RemoveAll(ready); err != nil {
		return fmt.Errorf("cannot restore the backup: %w", err)
	}
	return nil
}
