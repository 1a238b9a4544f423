//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// scalePoints are the sizes that are measured. The baseline is the rendering one would write first, a user block for each
// grant, which Mosquitto 2.0 parses in quadratic time: at 100,000 it takes two minutes, so it ends at 10,000.
var scalePoints = []struct {
	grants, clients int
	naive           bool
}{
	{10, 1, true}, {10, 1, false}, {10, 100, false}, {10, 1000, false},
	{1000, 1, true}, {1000, 1, false}, {1000, 100, false}, {1000, 1000, true}, {1000, 1000, false},
	{10_000, 1, true}, {10_000, 1, false}, {10_000, 100, false}, {10_000, 1000, true}, {10_000, 1000, false},
	{100_000, 1, false}, {100_000, 100, false}, {100_000, 1000, false},
}

// scaleChanges is how often rights change at each point.
const scaleChanges = 5

// benchScale measures what a change of rights costs those who read, at the level of the gate: from the nudge to the proof,
// and the longest pause of a subscriber at 2 Hz (beyond his half second) and of one at 1,000 messages a second.
func benchScale(ctx context.Context, p wattgatetest.Program, state string) error {
	fmt.Println("   grants clients rendering   proof p50   worst   gap 2 Hz  gap 1/ms  broker CPU  gate CPU  broker RSS  gate RSS  start-up")
	for i, point := range scalePoints {
		dir := filepath.Join(state, strconv.Itoa(i))
		row, err := measureScale(ctx, p, dir, point.grants, point.clients, point.naive)
		if err != nil {
			return fmt.Errorf("%d grants, %d clients: %w", point.grants, point.clients, err)
		}
		name := "ours"
		if point.naive {
			name = "baseline"
		}
		fmt.Printf("  %7d %7d %-9s %7.1f ms %6.0f ms %6.0f ms %6.0f ms %7.0f ms %6.0f ms %7.1f MiB %5.0f MiB %6.0f ms\n",
			point.grants, point.clients, name, ms(row.proof[len(row.proof)/2]), ms(row.proof[len(row.proof)-1]), ms(row.gapSlow), ms(row.gapFast),
			ms(row.brokerCPU), ms(row.gateCPU), mib(row.brokerRSS), mib(row.gateRSS), ms(row.startUp))
	}
	fmt.Println("  (targets: 10,000 grants without a gap above 150 ms, 100,000 within 1.5 s; CPU is of one change; the gate's RSS includes this")
	fmt.Println("  program and its clients; the baseline counts until the new user may log in, without a proof)")
	return nil
}

// scaleRow is what was measured at one point.
type scaleRow struct {
	proof            []time.Duration // sorted
	gapSlow, gapFast time.Duration   // beyond the usual distance of two messages
	brokerCPU        time.Duration   // of one change
	gateCPU          time.Duration
	brokerRSS        int64
	gateRSS          int64
	startUp          time.Duration
}

// measureScale runs one point on a broker of its own.
func measureScale(ctx context.Context, p wattgatetest.Program, dir string, grants, clients int, naive bool) (scaleRow, error) {
	var row scaleRow
	b, err := startScaleBroker(ctx, p, dir)
	if err != nil {
		return row, err
	}
	defer b.stop()
	w := newScaleRights(b, naive)
	if err := w.open(ctx, grants); err != nil {
		return row, err
	}
	defer w.close()
	if err := w.crowd(clients); err != nil {
		return row, err
	}
	s, err := startStreams(b, w)
	if err != nil {
		return row, err
	}
	defer s.stop()
	if err := pause(ctx, 1500*time.Millisecond); err != nil {
		return row, err
	}
	s.reset()
	broker := cpuOf(b.cmd.Process.Pid)
	for i := range scaleChanges {
		took, own, err := w.change(ctx, i)
		if err != nil {
			return row, err
		}
		row.proof, row.gateCPU = append(row.proof, took), row.gateCPU+own/scaleChanges
		if err := pause(ctx, 300*time.Millisecond); err != nil {
			return row, err
		}
	}
	row.brokerCPU = (cpuOf(b.cmd.Process.Pid) - broker) / scaleChanges
	if err := pause(ctx, time.Second); err != nil {
		return row, err
	}
	row.gapSlow, row.gapFast = s.gaps()
	slices.Sort(row.proof)
	row.brokerRSS, _ = wattgatetest.ResidentBytes(b.cmd.Process.Pid)
	row.gateRSS, _ = wattgatetest.ResidentBytes(os.Getpid())
	row.startUp, err = b.restart(ctx)
	return row, err
}

func scalePolicy(accounts []acl.Account) acl.Policy {
	return acl.Policy{
		Free:      []string{"wattgate/availability", "wattgate/status", "wattgate/offer", "sensor/1m", "sensor/1m/w"},
		Paid:      []string{slowTopic, fastTopic},
		Orders:    []string{"wattgate/orders"},
		PerClient: []string{"wattgate/replies/"},
		PerUser:   []string{"wattgate/grants/"},
		Roots:     []string{"sensor/#", "wattgate/#"},
		Grants:    accounts,
	}
}

// The two streams that are watched.
const (
	slowTopic = "sensor/live"
	fastTopic = "sensor/live/w"
)
