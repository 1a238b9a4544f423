package devices

import (
	"fmt"
	"math/bits"
	"time"
)

// When a plug is in distress. Nobody ever read a WeMo twice a second for
// months, and at 10 s already some were seen to time out, so the rate must give
// way before the plug does.
const (
	slowReading = 250 * time.Millisecond // a healthy Insight answers within 120 ms; a time limit is far above
	judged      = 20                     // readings until the share of slow ones says something
	remembered  = 40                     // readings: 20 s at 2 Hz
	slowest     = 2 * time.Second        // between two readings: below it a value would not reach the next one (MaxHold)

	firstPatience = time.Minute // at a lowered rate before a higher one is tried
	lastPatience  = 30 * time.Minute
	relapse       = 5 * time.Minute // distress sooner after a try means: try more rarely
)

// governor halves the rate at which one plug is read while more than 5 % of its
// readings are slow (so its p95 is above 250 ms, or more than 5 % time out), and
// tries the higher rate again when it has recovered. The grid on which readings
// are published does not change. The zero governor is ready.
type governor struct {
	slow     uint64 // of the last readings, newest in bit 0
	n        int    // how many of its bits count
	level    uint   // the interval is doubled this many times
	since    time.Time
	patience time.Duration
}

// interval returns the time between two readings, if base is the configured one.
func (g *governor) interval(base time.Duration) time.Duration { return base << g.level }

// observe notes how long a reading took, successful or not, that ended at now.
func (g *governor) observe(took time.Duration, base time.Duration, now time.Time) {
	g.slow <<= 1
	if took > slowReading {
		g.slow |= 1
	}
	g.slow &= 1<<remembered - 1
	g.n = min(g.n+1, remembered)
	slow := bits.OnesCount64(g.slow)
	switch {
	case g.n >= judged && slow*20 > g.n && g.interval(base)*2 <= slowest:
		if g.patience == 0 || now.Sub(g.since) > relapse {
			g.patience = firstPatience
		} else {
			g.patience = min(2*g.patience, lastPatience)
		}
		g.move(g.level+1, now)
	case g.level > 0 && g.n == remembered && slow == 0 && now.Sub(g.since) >= g.patience:
		g.move(g.level-1, now)
	}
}

// move changes the level. What was seen at another rate says nothing about this
// one.
func (g *governor) move(level uint, now time.Time) {
	*g = governor{level: level, since: now, patience: g.patience}
}

// words says what is wrong, "" if nothing is.
func (g *governor) words(base time.Duration) string {
	if g.level == 0 {
		return ""
	}
	return fmt.Sprintf("answers slowly: read every %v instead of every %v until it has recovered", g.interval(base), base)
}
