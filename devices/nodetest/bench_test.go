//go:build linux

package nodetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/devices"
)

// benchSpan is how long each side reads, at 2 Hz.
const benchSpan = 8 * time.Second

// result is what one side did and took.
type result struct {
	Read   int     `json:"read"`
	Failed int     `json:"failed"`
	Missed int     `json:"missed"`
	CPU    float64 `json:"cpu_ms"`
	P50    float64 `json:"late_p50_ms"`
	P99    float64 `json:"late_p99_ms"`
	RSS    float64 `json:"rss_kib"` // more than without plugs
}

func (r result) report(b *testing.B, plugs int) {
	b.ReportMetric(0, "ns/op") // a run takes as long as it takes
	b.ReportMetric(r.CPU/float64(max(r.Read, 1)), "cpu-ms/sample")
	b.ReportMetric(r.CPU/benchSpan.Seconds()/10, "%core")
	b.ReportMetric(r.P50, "late-p50-ms")
	b.ReportMetric(r.P99, "late-p99-ms")
	b.ReportMetric(r.RSS/float64(plugs), "KiB/plug")
	b.ReportMetric(float64(r.Read)/float64(plugs)/benchSpan.Seconds(), "Hz")
	b.ReportMetric(float64(r.Failed), "failed")
	b.ReportMetric(float64(r.Missed), "missed")
}

// BenchmarkBesideNode reads the same simulated plugs by the fleet and by the npm
// package wemo-client, one after the other. The plugs are in a process of their
// own, and so is each reader, so that neither pays for another's processor time
// or memory.
func BenchmarkBesideNode(b *testing.B) {
	mods := modules(b)
	for _, plugs := range []int{1, 50, 200, 500} {
		addrs := started(b, again(net{}, "house", "PLUGS="+strconv.Itoa(plugs)), plugs)
		b.Run(fmt.Sprintf("plugs=%d/fleet", plugs), func(b *testing.B) {
			for b.Loop() {
				measure(b, again(net{}, "fleet"), addrs).report(b, plugs)
			}
		})
		if plugs > 200 {
			continue
		}
		b.Run(fmt.Sprintf("plugs=%d/node", plugs), func(b *testing.B) {
			for b.Loop() {
				measure(b, node(b, net{}, mods, "poll.js", "2", fmt.Sprint(benchSpan.Seconds())), addrs).report(b, plugs)
			}
		})
	}
}

// measure runs one side and returns what it said.
func measure(b *testing.B, cmd *exec.Cmd, addrs []string) result {
	b.Helper()
	cmd.Stdin = strings.NewReader(strings.Join(addrs, "\n"))
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	var r result
	if err := json.Unmarshal(out, &r); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return r
}

// beFleet reads the plugs at the addresses that are its input, and prints a
// result.
func beFleet() error {
	in, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	addrs := strings.Fields(string(in))
	var mu sync.Mutex // guards late and counting
	var late []time.Duration
	counting := false
	f := devices.New(devices.Options{
		Config: devices.Config{Addresses: addrs},
		Lateness: func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			if counting {
				late = append(late, d)
			}
		},
	})
	empty := resident()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	if err := online(f, len(addrs)); err != nil {
		return err
	}
	set := func(on bool) {
		mu.Lock()
		defer mu.Unlock()
		counting = on
	}
	before, used := tally(f), cpu()
	set(true)
	<-time.After(benchSpan)
	set(false)
	used = cpu() - used
	after := tally(f)
	rss := resident() - empty
	cancel()
	if err := <-done; err != nil {
		return err
	}
	slices.Sort(late)
	ms := func(q int) float64 { return late[min(len(late)*q/100, len(late)-1)].Seconds() * 1e3 }
	return json.NewEncoder(os.Stdout).Encode(result{
		Read: after.Read - before.Read, Failed: after.Failed - before.Failed, Missed: after.Missed - before.Missed,
		CPU: used.Seconds() * 1e3, P50: ms(50), P99: ms(99), RSS: float64(rss),
	})
}

// online waits until n plugs are read.
func online(f *devices.Fleet, n int) error {
	for deadline := time.Now().Add(30 * time.Second); ; <-time.After(50 * time.Millisecond) {
		s := f.Sample(time.Now())
		if len(s) == n && !slices.ContainsFunc(s, func(s devices.Sample) bool { return !s.Known }) {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("not all plugs could be read")
		}
	}
}

func tally(f *devices.Fleet) (r result) {
	for _, p := range f.Plugs() {
		r.Read += int(p.Read)
		r.Failed += int(p.Failed)
		r.Missed += int(p.Missed)
	}
	return r
}

// cpu returns the processor time used by this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with these arguments
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident returns this process's memory in KiB, without what the runtime need
// not keep.
func resident() int {
	debug.FreeOSMemory()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _ := strconv.Atoi(strings.Fields(string(b))[1])
	return pages * os.Getpagesize() / 1024
}
