package devices

import (
	"bufio"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

const trace = "../../shared/captures/wemo/trace-openhab-12460.tsv"

// filled reads p from one second to another, both included, twice a second.
func (h history) filled(from, to float64, p Milliwatts) history {
	for at := from; at <= to; at += 0.5 {
		h = h.add(time.Duration(at*1e9), p)
	}
	return h
}

func TestMean(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name     string
		h        history
		from, to time.Duration
		mean     float64
		covered  time.Duration
	}{
		{"30 s at 100 W, 20 s gap, 10 s at 0 W are 3250 W·s over 42.5 s", history{}.filled(0, 30, 100_000).filled(50, 60, 0), 0, 60 * s, 3250 / 42.5, 42500 * time.Millisecond},
		{"nothing", nil, 0, 60 * s, 0, 0},
		{"one reading holds for 2.5 s", history{}.add(10*s, 40_000), 0, 60 * s, 40, 2500 * time.Millisecond},
		{"a reading before the window reaches into it", history{}.add(9*s, 40_000), 10 * s, 20 * s, 40, 1500 * time.Millisecond},
		{"a reading after the window does not", history{}.filled(10, 30, 5000), 0, 10 * s, 0, 0},
		{"the end of the window cuts", history{}.filled(0, 60, 5000), 0, 10 * s, 5, 10 * s},
		{"a reading ends when the next begins", history{}.add(0, 1000).add(s, 3000).add(2*s, 3000), 0, 2 * s, 2, 2 * s},
		{"equal readings with a gap between stay apart", history{}.add(0, 1000).add(10*s, 1000), 0, 20 * s, 1, 5 * s},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mean, covered := tt.h.mean(tt.from, tt.to, MaxHold)
			if math.Abs(float64(mean)-tt.mean) > 1e-9 || covered != tt.covered {
				t.Errorf("got %.6f W over %v, want %.6f W over %v", mean, covered, tt.mean, tt.covered)
			}
		})
	}
}

func TestMeanOfARecordedTrace(t *testing.T) {
	f, err := os.Open(trace)
	if err != nil {
		t.Skipf("SKIPPED the recorded trace is not here: %v", err)
	}
	defer f.Close()
	var h history
	var last time.Duration
	for in := bufio.NewScanner(f); in.Scan(); {
		col := strings.Split(in.Text(), "\t")
		at, err := strconv.ParseFloat(col[0], 64)
		if err != nil {
			continue // comment or heading
		}
		mw, err := strconv.ParseInt(col[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		last = time.Duration(math.Round(at*1000)) * time.Millisecond
		h = h.add(last, Milliwatts(mw))
	}
	mean, covered := h.mean(0, last, math.MaxInt64/4)
	if math.Abs(float64(mean)-23.589675) > 5e-7 || covered != last {
		t.Errorf("unlimited hold: %.6f W over %v, recorded 23.589675 W over %v", mean, covered, last)
	}
	var sum float64
	n := 0
	for at := time.Duration(0); at <= last; at += 500 * time.Millisecond {
		p, _ := h.mean(at, at+1, math.MaxInt64/4)
		sum += float64(p)
		n++
	}
	if got := sum / float64(n); math.Abs(got-23.586324) > 5e-7 || n != 102 {
		t.Errorf("sampled and held at 2 Hz: %.6f W in %d points, recorded 23.586324 W in 102", got, n)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h history
	for i := range 100_000 {
		h = h.add(time.Duration(i)*DefaultInterval, Milliwatts(i))
	}
	if len(h) > maxSegments || cap(h) > 2*maxSegments {
		t.Errorf("%d segments, room for %d", len(h), cap(h))
	}
	end := 99_999 * DefaultInterval
	if _, covered := h.mean(end-MaxWindow, end, MaxHold); covered != MaxWindow {
		t.Errorf("covers %v of %v", covered, MaxWindow)
	}
	h = h.add(end+time.Hour, 1)
	if len(h) != 1 {
		t.Errorf("%d segments an hour later", len(h))
	}
}
