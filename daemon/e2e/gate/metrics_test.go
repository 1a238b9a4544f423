//go:build linux

package gate

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// withMetrics has the gateway serve its metrics, which takes a start of it, and returns a function that reads them.
func (w *world) withMetrics() (read func() metrics) {
	w.t.Helper()
	port, err := w.Program.FreePort()
	if err != nil {
		w.t.Fatal(err)
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	if err := errors.Join(w.Reload(map[string]any{"metrics.listen": address}), w.SignalGateway(syscall.SIGTERM)); err != nil {
		w.t.Fatal(err)
	}
	read = func() metrics {
		m, err := scrape(w.t, address)
		if err != nil {
			w.t.Fatal(err)
		}
		return m
	}
	eventually(w.t, 10*time.Second, func() error { _, err := scrape(w.t, address); return err })
	w.serving(10 * time.Second)
	return read
}

// metrics is one scrape: the value of each series.
type metrics map[string]float64

func scrape(t *testing.T, address string) (metrics, error) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	m := metrics{}
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil && !strings.HasPrefix(name, "#") {
			m[name] = v
		}
	}
	if len(m) == 0 {
		return nil, fmt.Errorf("no metrics: %s", res.Status)
	}
	return m, nil
}

// atMost is the upper bound of the bucket in which a quantile of a histogram lies.
func (m metrics) atMost(histogram string, quantile float64) time.Duration {
	wanted := quantile * m[histogram+"_count"]
	best := math.Inf(1)
	for series, count := range m {
		if le, ok := strings.CutPrefix(series, histogram+`_bucket{le="`); ok && count >= wanted {
			if bound, err := strconv.ParseFloat(strings.TrimSuffix(le, `"}`), 64); err == nil {
				best = min(best, bound)
			}
		}
	}
	return time.Duration(best * float64(time.Second))
}

// What could leak if a reload broke at the worst moment is measured by the gateway itself, for every slot.
func TestMetricsTellOfTheWindowAndOfWhatIsWithheld(t *testing.T) {
	t.Parallel()
	w := start(t)
	read := w.withMetrics()
	w.payer.next(t, time.Now().Add(10*time.Second), 15*time.Second)
	before := read()
	const window, check = "wattgate_gate_window_seconds", "wattgate_gate_check_seconds"
	t.Logf("%.0f slots: the window was at most %s for half of them, %s for 99 %%; the check took at most %s and %s",
		before[window+"_count"], before.atMost(window, .5), before.atMost(window, .99), before.atMost(check, .5), before.atMost(check, .99))
	if before[window+"_count"] < 15 {
		t.Errorf("the window is not measured for each slot: %v", before[window+"_count"])
	}
	if before[`wattgate_state{state="serving"}`] != 1 || before["wattgate_rights_proven"] != 1 || before["wattgate_gate_breaches_total"] != 0 {
		t.Errorf("the metrics do not say that all is well: %v", before)
	}

	w.afterSlot()
	broker := w.broker()
	if err := syscall.Kill(broker, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(broker, syscall.SIGCONT) })
	pass(t, 1500*time.Millisecond)
	stalled := read()
	if stalled[`wattgate_state{state="withheld"}`] != 1 || stalled["wattgate_withheld_seconds_total"] < before["wattgate_withheld_seconds_total"]+1 {
		t.Errorf("the metrics do not tell of a stalled broker: %v", stalled)
	}
	if err := syscall.Kill(broker, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	w.served(time.Now(), mended)
	w.afterSlot()
	if err := otherFaults[0].do(w); err != nil {
		t.Fatal(err)
	}
	w.served(time.Now(), mended)
	mendedNow := read()
	if mendedNow["wattgate_gate_breaches_total"] != 1 || mendedNow["wattgate_broker_restarts_total"] != 1 {
		t.Errorf("the metrics do not tell of a breach: %v", mendedNow)
	}
}
