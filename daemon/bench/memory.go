//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// memoryGrants is how many grants the gateway holds when its memory is measured, as in the budget.
const memoryGrants = 1000

// benchMemory measures what gateway and broker hold with 10 plugs, before and after 1,000 grants.
func benchMemory(ctx context.Context, p wattgatetest.Program, state string) error {
	d, err := wattgatetest.StartDemo(ctx, p, state, "--plugs", "10")
	if err != nil {
		return err
	}
	defer func() { _ = d.Stop() }()
	if err := resident(d, "baseline: 10 plugs, no grants"); err != nil {
		return err
	}
	// Several at a time: grants that come together share a reload.
	const atOnce = 40
	for first := 0; first < memoryGrants; first += atOnce {
		var wg sync.WaitGroup
		errs := make([]error, atOnce)
		for i := range atOnce {
			wg.Go(func() {
				_, errs[i] = addTimed(ctx, d, "user-"+strconv.Itoa(first+i))
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return resident(d, "10 plugs, 1,000 grants (target: gateway ≤ 40 MiB)")
}

// addTimed makes a user with an end: a grant as it is sold, without a rule of its own beyond the owner's.
func addTimed(ctx context.Context, d *wattgatetest.Demo, name string) (string, error) {
	var grant struct {
		Password string `json:"password"`
	}
	err := d.Read(ctx, &grant, "grants", "add", name, "--for", "1h")
	return grant.Password, err
}

func resident(d *wattgatetest.Demo, what string) error {
	gateway, broker := d.Children()
	g, err := wattgatetest.ResidentBytes(gateway)
	if err != nil {
		return err
	}
	b, err := wattgatetest.ResidentBytes(broker)
	if err != nil {
		return err
	}
	fmt.Printf("  %-52s gateway %6.1f MiB   broker %6.1f MiB\n", what, mib(g), mib(b))
	return nil
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }
