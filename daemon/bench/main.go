//go:build linux

// Command bench measures a running wattgate from the outside: the real binary, the real broker, simulated plugs. Each
// figure stands beside a baseline measured in the same run, because absolute times on a busy machine mean little.
// `make bench` runs it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures one thing after the other; nothing else should run beside it.
func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "wgb")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program, err := wattgatetest.Build(ctx, dir)
	if err != nil {
		return err
	}
	program = program.With("XDG_STATE_HOME=" + filepath.Join(dir, "buyers"))
	for _, part := range []struct {
		name string
		run  func(context.Context, wattgatetest.Program, string) error
	}{
		{"start to first sample", benchStart},
		{"slot to subscriber", benchLatency},
		{"payment to first live message", benchPayment},
		{"resident memory", benchMemory},
		{"a change of rights, by grants and clients", benchScale},
		{"resident memory by grants", benchPerGrant},
	} {
		fmt.Printf("== %s\n", part.name)
		state, err := os.MkdirTemp("", "wgb")
		if err != nil {
			return err
		}
		err = part.run(ctx, program, state)
		_ = os.RemoveAll(state)
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// quantiles prints the median and the 99th percentile of durations, and returns them.
func quantiles(name string, d []time.Duration) (p50, p99 time.Duration) {
	if len(d) == 0 {
		fmt.Printf("  %-46s nothing measured\n", name)
		return 0, 0
	}
	slices.Sort(d)
	p50, p99 = d[len(d)/2], d[min(len(d)-1, len(d)*99/100)]
	fmt.Printf("  %-46s p50 %9.3f ms   p99 %9.3f ms   n %d\n", name, ms(p50), ms(p99), len(d))
	return p50, p99
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
