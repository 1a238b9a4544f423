package devices

import (
	"math"
	"testing"
	"time"

	"github.com/wattgate/wattgate/devices/devicestest"
)

// A day of a household with three plugs, as sensor/live shows it, and what is
// free of it: one mean a minute of the minute before.
const (
	slotsPerMinute = 120
	minutes        = 24 * 60
)

func household() (live []float64) {
	start := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for i := range minutes * slotsPerMinute {
		var sum Milliwatts
		for plug := range int64(3) {
			sum += devicestest.Curve(plug+1, start.Add(time.Duration(i)*DefaultInterval))
		}
		live = append(live, sum.Watts())
	}
	return live
}

// averages puts a curve through the fleet's own mean, a window of 60 s each
// every so many slots.
func averages(live []float64, every int) (out []float64) {
	for end := slotsPerMinute; end <= len(live); end += every {
		var h history
		for i := end - slotsPerMinute; i < end; i++ {
			h = h.add(time.Duration(i)*DefaultInterval, Milliwatts(math.Round(live[i]*1000)))
		}
		m, _ := h.mean(time.Duration(end-slotsPerMinute)*DefaultInterval, time.Duration(end)*DefaultInterval, MaxHold)
		out = append(out, float64(m))
	}
	return out
}

// guess is one way to make a curve of averages.
type guess func(minute []float64, i, slot int) float64

// flat says that each minute was like its mean.
func flat(minute []float64, i, _ int) float64 { return minute[i] }

// line joins the middles of the minutes.
func line(minute []float64, i, slot int) float64 {
	at := (float64(slot)+0.5)/slotsPerMinute - 0.5
	j := max(min(i+int(math.Copysign(1, at)), len(minute)-1), 0)
	return minute[i] + math.Abs(at)*(minute[j]-minute[i])
}

// edge takes a minute between two others for the one in which something was
// switched, at the moment that its mean tells.
func edge(minute []float64, i, slot int) float64 {
	if i == 0 || i == len(minute)-1 {
		return minute[i]
	}
	before, now, after := minute[i-1], minute[i], minute[i+1]
	if (now-before)*(after-now) <= 0 {
		return now
	}
	if float64(slot)/slotsPerMinute < (now-after)/(before-after) {
		return before
	}
	return after
}

// rms returns how far a guess is from the truth, in W.
func rms(live, minute []float64, g guess) float64 {
	var sum float64
	for i := range minute {
		for slot := range slotsPerMinute {
			d := g(minute, i, slot) - live[i*slotsPerMinute+slot]
			sum += d * d
		}
	}
	return math.Sqrt(sum / float64(len(minute)*slotsPerMinute))
}

// What an outsider can make of the free averages, and what not: the figures in
// docs/answers.md.
func TestWhatTheFreeAverageGivesAway(t *testing.T) {
	live := household()
	minute := averages(live, slotsPerMinute)
	if len(minute) != minutes {
		t.Fatalf("%d averages", len(minute))
	}
	var all float64
	for _, p := range live {
		all += p / float64(len(live))
	}
	base := rms(live, minute, func([]float64, int, int) float64 { return all })
	explained := func(g guess) float64 { r := rms(live, minute, g) / base; return 1 - r*r }
	t.Logf("one mean of the day: error %.1f W", base)
	for name, g := range map[string]guess{"flat": flat, "line": line, "edge": edge} {
		t.Logf("%s: error %.1f W, %.1f %% of the variance", name, rms(live, minute, g), 100*explained(g))
	}
	// The course of the day lies open: compressors are seen to start and stop.
	if e := max(explained(flat), explained(line), explained(edge)); e < 0.85 {
		t.Errorf("the averages tell less than the documentation admits: %.3f", e)
	}

	// Within the minute nothing is told: how it went on from slot to slot.
	var change, guessed, both float64
	for i := 1; i < len(live); i++ {
		d := live[i] - live[i-1]
		m, s := i/slotsPerMinute, i%slotsPerMinute
		was := edge(minute, (i-1)/slotsPerMinute, (i-1)%slotsPerMinute)
		g := edge(minute, m, s) - was
		change += d * d
		guessed += g * g
		both += d * g
	}
	corr := both / math.Sqrt(change*guessed)
	t.Logf("changes from slot to slot: correlation %.3f", corr)
	if math.Abs(corr) > 0.3 {
		t.Errorf("changes within the minute can be guessed: correlation %.3f", corr)
	}
}

// An average sent at the live rate is the live stream: its differences are the
// readings. That is why it goes out once a minute.
func TestAnAverageAtTheLiveRateWouldGiveEverythingAway(t *testing.T) {
	live := household()[:20*slotsPerMinute]
	sliding := averages(live, 1)
	back := append([]float64(nil), live[:slotsPerMinute]...) // whoever saw one minute sees the rest
	var worst float64
	for i := 1; i < len(sliding); i++ {
		n := slotsPerMinute - 1 + i
		back = append(back, back[n-slotsPerMinute]+slotsPerMinute*(sliding[i]-sliding[i-1]))
		worst = max(worst, math.Abs(back[n]-live[n]))
	}
	if worst > 0.01 {
		t.Errorf("off by %.3f W: the reason for one average a minute is gone", worst)
	}
	t.Logf("live curve recovered from sliding averages to %.6f W", worst)
}
