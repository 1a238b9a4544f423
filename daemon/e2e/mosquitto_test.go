//go:build linux

package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestMachineWithoutMosquitto hides the broker from one process: in a mount namespace of its own empty directories lie
// where programs are installed.
func TestMachineWithoutMosquitto(t *testing.T) {
	t.Parallel()
	state, empty := stateDir(t), stateDir(t)
	var out bytes.Buffer
	hide := `mount --bind "$0" /usr/sbin && mount --bind "$0" /usr/local/sbin && exec env -u WATTGATE_MOSQUITTO PATH="$0" "$@"`
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "sh", "-c", hide, empty, built.plain.Path, "demo", "--state", state)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if os.Getuid() != 0 || strings.Contains(out.String(), "unshare") || strings.Contains(out.String(), "mount:") {
		t.Skipf("SKIPPED a machine without Mosquitto: only root can hide it (%s)", out.String())
	}
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(out.String(), "cannot find Mosquitto") || !strings.Contains(out.String(), "apt install mosquitto") {
		t.Errorf("it must say what is missing and how to get it: %v\n%s", err, out.String())
	}
}
