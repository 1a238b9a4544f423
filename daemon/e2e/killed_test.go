//go:build linux

package e2e

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

func TestKilledDemoLeavesNoProcessBehind(t *testing.T) {
	t.Parallel()
	d, err := wattgatetest.StartDemo(t.Context(), built.plain, stateDir(t))
	if err != nil {
		t.Fatal(err)
	}
	gatewayPID, brokerPID := d.Children()
	if err := syscall.Kill(d.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() error {
		for _, pid := range []int{gatewayPID, brokerPID} {
			if wattgatetest.Alive(pid) {
				return fmt.Errorf("process %d outlived the demo that was killed", pid)
			}
		}
		return nil
	})
}
