//go:build unix

package devices_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/devices"
	"github.com/wattgate/wattgate/devices/devicestest"
	"github.com/wattgate/wattgate/devices/wemo"
)

// The pacing benchmark samples plugs that live in another process, so that the
// processor time measured here is the gateway's alone. The baseline reads the
// same plugs in the same run as one would write it first: a time.Ticker per
// plug, the work inside its loop, net/http with its defaults.

const (
	benchSpan  = 10 * time.Second
	benchDelay = 120 * time.Millisecond // until a plug answers: what a WeMo on Wi-Fi takes
	plugsEnv   = "WATTGATE_TEST_PLUGS"  // set in the process that simulates this many plugs
)

// TestMain lets the benchmark start this binary again as a house full of plugs.
func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv(plugsEnv)); err == nil {
		house(n)
		return
	}
	os.Exit(m.Run())
}

// house simulates n plugs, prints an address a line, and ends with its input.
func house(n int) {
	for i := range n {
		p := devicestest.New(devicestest.Options{Seed: int64(i), Silent: true})
		err := p.Start(context.Background())
		if err == nil {
			err = p.Break(devicestest.Fault{Delay: benchDelay})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(p.Addr())
	}
	io.Copy(io.Discard, os.Stdin)
}

// neighbours starts a house of n plugs and returns their addresses.
func neighbours(b *testing.B, n int) []string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), plugsEnv+"="+strconv.Itoa(n))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); cmd.Wait() })
	var addrs []string
	for lines := bufio.NewScanner(out); len(addrs) < n && lines.Scan(); {
		addrs = append(addrs, lines.Text())
	}
	if len(addrs) < n {
		b.Fatalf("%d of %d plugs started", len(addrs), n)
	}
	return addrs
}

// tally collects what a run did. mu guards all of it.
type tally struct {
	mu     sync.Mutex
	late   []time.Duration
	at     []time.Duration // of each reading's start, since the tally began
	began  time.Time
	failed int
	missed int
}

func (y *tally) add(late time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if !y.began.IsZero() {
		y.late = append(y.late, late)
		y.at = append(y.at, time.Since(y.began))
	}
}

func (y *tally) begin() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.began = time.Now()
}

// report gives lateness, drift (how much later the last quarter is than the
// first, in the median) and processor time per reading.
func (y *tally) report(b *testing.B, plugs int, cpu time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	var first, last []time.Duration
	for i, at := range y.at {
		switch {
		case at < benchSpan/4:
			first = append(first, y.late[i])
		case at >= benchSpan*3/4:
			last = append(last, y.late[i])
		}
	}
	n := len(y.late)
	ms := func(d time.Duration) float64 { return d.Seconds() * 1e3 }
	b.ReportMetric(0, "ns/op") // a run takes as long as it takes
	b.ReportMetric(ms(quantile(y.late, 0.5)), "late-p50-ms")
	b.ReportMetric(ms(quantile(y.late, 0.99)), "late-p99-ms")
	b.ReportMetric(ms(quantile(last, 0.5)-quantile(first, 0.5)), "drift-ms")
	b.ReportMetric(float64(y.missed), "missed")
	b.ReportMetric(float64(y.failed), "failed")
	b.ReportMetric(ms(cpu)/float64(max(n, 1)), "cpu-ms/sample")
	b.ReportMetric(float64(n)/float64(plugs)/benchSpan.Seconds(), "Hz")
}

func quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Sorted(slices.Values(d))
	return d[min(int(q*float64(len(d))), len(d)-1)]
}

// cpu returns the processor time used by this process so far.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkPacing(b *testing.B) {
	if testing.Short() {
		b.Skip("SKIPPED pacing: it takes about 80 s")
	}
	for _, n := range []int{1, 50, 200} {
		addrs := neighbours(b, n)
		b.Run(fmt.Sprintf("plugs=%d/fleet", n), func(b *testing.B) {
			for b.Loop() {
				paceFleet(b, addrs)
			}
		})
		b.Run(fmt.Sprintf("plugs=%d/ticker", n), func(b *testing.B) {
			for b.Loop() {
				paceTicker(b, addrs)
			}
		})
	}
}

func paceFleet(b *testing.B, addrs []string) {
	var y tally
	f := devices.New(devices.Options{Config: devices.Config{Addresses: addrs}, Lateness: y.add})
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	for deadline := time.Now().Add(30 * time.Second); ; <-time.After(50 * time.Millisecond) {
		s := f.Sample(time.Now())
		if len(s) == len(addrs) && !slices.ContainsFunc(s, func(s devices.Sample) bool { return !s.Known }) {
			break
		}
		if time.Now().After(deadline) {
			b.Fatalf("%d of %d plugs found", len(s), len(addrs))
		}
	}
	missed, failed := counters(f)
	before := cpu(b)
	y.begin()
	<-time.After(benchSpan)
	used := cpu(b) - before
	cancel()
	<-done
	m, e := counters(f)
	y.missed, y.failed = m-missed, e-failed
	y.report(b, len(addrs), used)
}

func counters(f *devices.Fleet) (missed, failed int) {
	for _, p := range f.Plugs() {
		missed += int(p.Missed)
		failed += int(p.Failed)
	}
	return missed, failed
}

func paceTicker(b *testing.B, addrs []string) {
	var y tally
	var wg sync.WaitGroup
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2}}
	before := cpu(b)
	y.begin()
	for i, addr := range addrs {
		wg.Go(func() {
			<-time.After(time.Duration(i) * devices.DefaultInterval / time.Duration(len(addrs)))
			y.tick(client, addr)
		})
	}
	wg.Wait()
	y.report(b, len(addrs), cpu(b)-before)
}

// tick is the loop one would write first.
func (y *tally) tick(client *http.Client, addr string) {
	start := time.Now()
	ticker := time.NewTicker(devices.DefaultInterval)
	defer ticker.Stop()
	slots := int(benchSpan / devices.DefaultInterval)
	for n := 0; n < slots; {
		now := <-ticker.C
		due := int(now.Sub(start)/devices.DefaultInterval) - n // more than one: the ticker dropped some
		n += max(due, 1)
		y.add(time.Since(start.Add(time.Duration(n) * devices.DefaultInterval)))
		err := readPlain(client, addr)
		y.mu.Lock()
		y.missed += max(due-1, 0)
		if err != nil {
			y.failed++
		}
		y.mu.Unlock()
	}
}

func readPlain(client *http.Client, addr string) error {
	const body = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:GetInsightParams xmlns:u="urn:Belkin:service:insight:1"/></s:Body></s:Envelope>`
	req, err := http.NewRequest(http.MethodPost, "http://"+addr+"/upnp/control/insight1", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("SOAPACTION", `"urn:Belkin:service:insight:1#GetInsightParams"`)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	s, err := wemo.ParseAnswer(resp.Body, "InsightParams")
	if err != nil {
		return err
	}
	_, err = wemo.ParseInsight(s)
	return err
}
