package snap

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// askTimeout bounds one question to snapd; it answers in milliseconds unless the machine is overloaded.
const askTimeout = 30 * time.Second

// Document is everything the owner has set, as `snap get -d` prints it: in a hook with what is being set, elsewhere as it
// was last accepted. Nothing set is the empty document. groups are the known groups of keys, at least one.
func Document(ctx context.Context, groups []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	// The empty name stands for the whole document: only there an unknown group, which nobody would ask for, shows up.
	// snapctl takes it beside another name only, and asking for all known ones serves a snapd that ignores it.
	cmd := exec.CommandContext(ctx, "snapctl", append([]string{"get", "-d", ""}, groups...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cannot ask snapd for the settings: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return whole(out)
}

// whole picks the document out of snapctl's answer.
func whole(answer []byte) ([]byte, error) {
	if len(bytes.TrimSpace(answer)) == 0 {
		return []byte("{}"), nil
	}
	var parts map[string]json.RawMessage // keeps every number as it was written
	if err := json.Unmarshal(answer, &parts); err != nil {
		return nil, errors.New("cannot understand snapd's answer about the settings: it is no JSON document")
	}
	if all, ok := parts[""]; ok {
		return all, nil
	}
	return answer, nil
}
