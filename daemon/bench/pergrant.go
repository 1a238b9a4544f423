//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// benchPerGrant measures by how much the gateway grows with the grants it keeps, in gateways that differ in nothing else,
// some time after rights changed.
func benchPerGrant(ctx context.Context, p wattgatetest.Program, state string) error {
	sizes := []int{0, 1000, 10_000}
	var held []int64
	for _, n := range sizes {
		bytes, started, err := holding(ctx, p, filepath.Join(state, strconv.Itoa(n)), n)
		if err != nil {
			return err
		}
		held = append(held, bytes)
		fmt.Printf("  %6d sold grants: gateway %6.1f MiB, ready after %5.0f ms\n", n, mib(bytes), ms(started))
	}
	// From the second on: the first grants also bring what does not grow further, such as the cache of the database.
	for i := 2; i < len(sizes); i++ {
		fmt.Printf("  from %d to %d: %d bytes a grant (target: below 1,000)\n", sizes[i-1], sizes[i], (held[i]-held[i-1])/int64(sizes[i]-sizes[i-1]))
	}
	return nil
}

func holding(ctx context.Context, p wattgatetest.Program, state string, n int) (bytes int64, started time.Duration, err error) {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return 0, 0, err
	}
	if err := fill(ctx, state, n); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	d, err := wattgatetest.StartDemo(ctx, p, state)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = d.Stop() }()
	started = time.Since(began)
	for i := range 3 {
		if _, err := addTimed(ctx, d, "late-"+strconv.Itoa(i)); err != nil {
			return 0, 0, err
		}
		if err := pause(ctx, time.Second); err != nil {
			return 0, 0, err
		}
	}
	// Not asked by listing them: that alone would take memory.
	if proven := fmt.Sprintf("grants=%d ", n+3); !d.Log.Contains(proven) {
		return 0, 0, fmt.Errorf("not all rights were proven: the log does not say %q", proven)
	}
	if err := pause(ctx, 10*time.Second); err != nil {
		return 0, 0, err
	}
	gateway, _ := d.Children()
	bytes, err = wattgatetest.ResidentBytes(gateway)
	return bytes, started, err
}
