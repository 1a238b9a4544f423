package devicestest

import (
	"fmt"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
)

const (
	threshold = 8000            // mW between standby and on, the factory setting
	meanPower = 36000           // mW, about the curve's mean: where the counters start
	countedAs = 1609459200      // unix time at which this plug was first used (2021-01-01)
	catchUp   = 6 * time.Hour   // unread longer than this, the time before is not counted
	fullCycle = 4 * time.Second // two refreshes: after 1.5 s and after 2.5 s, as events of a real Insight show
	halfCycle = 1500 * time.Millisecond
)

// meter is what an Insight measures: a value that stands still between two
// refreshes, and counters.
type meter struct {
	seed     int64
	relay    bool
	switched time.Time
	at       time.Time // last refresh
	power    driver.Milliwatts
	today    float64 // mW·min
	total    float64 // mW·min
}

// newMeter starts with the counters of a plug long in use, so that a simulated
// plug that is started again goes on about where it was.
func newMeter(seed int64, now time.Time) *meter {
	m := &meter{seed: seed, relay: true, switched: now, at: refresh(now)}
	m.power = Curve(seed, m.at)
	m.total = meanPower * float64(now.Unix()-countedAs) / 60
	m.today = meanPower * float64(now.Unix()%86400) / 60
	return m
}

// refresh returns the last moment up to t at which the meter took a value.
func refresh(t time.Time) time.Time {
	start := t.Truncate(fullCycle)
	if t.Sub(start) >= halfCycle {
		return start.Add(halfCycle)
	}
	return start
}

// advance refreshes value and counters up to now.
func (m *meter) advance(now time.Time) {
	if now.Sub(m.at) > catchUp {
		m.at = refresh(now.Add(-catchUp))
	}
	for {
		next := refresh(m.at.Add(fullCycle - halfCycle))
		if next.After(now) {
			return
		}
		energy := float64(m.power) * next.Sub(m.at).Minutes()
		if next.Unix()/86400 != m.at.Unix()/86400 {
			m.today = 0
		}
		m.today, m.total, m.at = m.today+energy, m.total+energy, next
		m.power = 0
		if m.relay {
			m.power = Curve(m.seed, next)
		}
	}
}

// params returns the answer to GetInsightParams. Just after switching off it
// still shows the old power, as recorded.
func (m *meter) params(now time.Time) string {
	m.advance(now)
	state := 1
	switch {
	case !m.relay:
		state = 0
	case m.power < threshold:
		state = 8
	}
	on := int64(now.Sub(m.switched).Seconds())
	return fmt.Sprintf("%d|%d|%d|%d|%d|1209600|%d|%d|%d|%d.000000|%d", state, m.switched.Unix(), on, on, on,
		meanPower/1000, m.power, int64(m.today), int64(m.total), threshold)
}
