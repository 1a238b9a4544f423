package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/snap"
)

// hookCommand is what the snap's hooks call. A hook touches none of the gateway's files and starts nothing: who stopped a
// service finds it stopped.
func hookCommand(ctx context.Context, s Streams, args []string) error {
	f := newOwnerFlags(s, "hook", "configure")
	rest, err := f.parse(args, 1, 1)
	if err != nil {
		return err
	}
	if rest[0] != "configure" || !snap.Inside() {
		return usagef("hooks are for snapd: change a setting with `snap set %s KEY=VALUE`", snap.Instance())
	}
	return f.configure(ctx)
}

// configure refuses settings that cannot hold, on the owner's terminal, and hands the others to the gateway. One that does
// not run reads them at its start. The error takes all settings of the same `snap set` back.
func (f *ownerFlags) configure(ctx context.Context) error {
	document, err := snap.Document(ctx, config.Groups())
	if err != nil {
		return err
	}
	if _, _, err := config.Parse(document); err != nil {
		return err
	}
	var done control.Done
	err = f.client().Post(ctx, "/v1/config", json.RawMessage(document), &done)
	if err != nil && !errors.Is(err, control.ErrNotRunning) {
		return fmt.Errorf("the settings are not taken: %w", err)
	}
	return nil
}
