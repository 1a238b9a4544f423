package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/snap"
)

func backupCommand(ctx context.Context, s Streams, args []string) error {
	f := newOwnerFlags(s, "backup", "FILE")
	rest, err := f.parse(args, 1, 1)
	if err != nil {
		return err
	}
	if rest[0] == "-" {
		err = f.client().Fetch(ctx, "/v1/backup", s.Out)
	} else {
		err = f.backupTo(ctx, rest[0])
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(s.Err, "The backup holds the books, the readings, the certificate and the identity key: who has it can sign as this gateway.\n"+
		"Keep it as you would a key. It holds nothing that can spend, and not the settings (snap get -d, or the configuration file).")
	return nil
}

// backupTo leaves a whole file or none.
func (f *ownerFlags) backupTo(ctx context.Context, path string) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("cannot write the backup: %w%s", err, fileHint(err, "> "+path))
	}
	err = errors.Join(f.client().Fetch(ctx, "/v1/backup", out), out.Sync(), out.Close())
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// fileHint says how to reach a file that confinement, or a name already taken, keeps out of reach.
func fileHint(err error, redirect string) string {
	switch {
	case errors.Is(err, fs.ErrExist):
		return " (name a file that is not there yet)"
	case errors.Is(err, fs.ErrPermission) && snap.Inside():
		return fmt.Sprintf(" (a confined snap sees no home directory; let the shell open the file: %s … - %s)", snap.Instance(), redirect)
	}
	return ""
}

func restoreCommand(ctx context.Context, s Streams, args []string) error {
	f := newOwnerFlags(s, "restore", "FILE [--json]")
	rest, err := f.parse(args, 1, 1)
	if err != nil {
		return err
	}
	in := s.In
	if rest[0] != "-" {
		file, err := os.Open(rest[0])
		if err != nil {
			return fmt.Errorf("cannot read the backup: %w%s", err, fileHint(err, "< "+rest[0]))
		}
		defer file.Close()
		in = file
	}
	var done control.Restored
	if err := f.client().Send(ctx, "/v1/restore", in, &done); err != nil {
		return err
	}
	if f.json {
		return printJSON(s.Out, done)
	}
	return printRestored(s.Out, done)
}

func printRestored(w io.Writer, r control.Restored) error {
	fmt.Fprintf(w, "restored from the backup of %s; the gateway starts anew with it\n", local(r.Made))
	if !r.Same {
		fmt.Fprintf(w, "the identity key came with it: to buyers this is gateway %s from now on\n", r.Gateway)
	}
	fmt.Fprintln(w, "what was there before lies in before-restore in the state directory, until the next restore")
	return nil
}
