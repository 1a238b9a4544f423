//go:build linux

package e2e

import (
	"syscall"
	"testing"
	"time"
)

func TestEnergyNeverFallsOverAKilledGateway(t *testing.T) {
	t.Parallel()
	g := start(t, "--plugs", "3")
	reader := g.connect(g.addOwner("jane"), "sensor/live")
	for range 4 {
		seen := len(reader.Messages("sensor/live"))
		if _, err := reader.Await(t.Context(), 10*time.Second, seen+6, "sensor/live"); err != nil {
			t.Fatal(err)
		}
		if err := g.SignalGateway(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	seen := len(reader.Messages("sensor/live"))
	if _, err := reader.Await(t.Context(), 10*time.Second, seen+6, "sensor/live"); err != nil {
		t.Fatal(err)
	}
	readStream(t, reader.Messages("sensor/live"))
}
