package devices

import "github.com/wattgate/wattgate/devices/driver"

const (
	// leap is a rise between two readings too large to believe at once: 1 kWh.
	// A socket passes that much in 15 minutes at least; so it is either the time
	// we were away or nonsense.
	leap = 60_000_000 * driver.MilliwattMinutes(1)

	// convinced is how many readings in a row must agree before a fall or a leap
	// of the plug's total is believed: two seconds at 2 Hz.
	convinced = 4

	// fullCounter is where a counter stops: 2^53 is exact in every JSON reader,
	// and the sum of all counters cannot overflow. It is 150 GWh.
	fullCounter = driver.MilliwattMinutes(1) << 53
)

// EnergyState is one plug's energy counter. Saved and given back in
// Options.Energy it continues over restarts of the plug and of the gateway.
type EnergyState struct {
	Last    driver.MilliwattMinutes `json:"last_mwmin"`    // the plug's own total that was counted last
	Counted driver.MilliwattMinutes `json:"counted_mwmin"` // our counter: never falls
}

// counter turns a plug's own total, which starts again when the plug is reset,
// into one that never falls. It begins with the plug's total.
type counter struct {
	EnergyState
	doubt int // readings in a row that did not fit Last
}

// newCounter begins with the first total that a plug told.
func newCounter(total driver.MilliwattMinutes) *counter {
	return &counter{EnergyState: EnergyState{Last: total, Counted: total}}
}

// resume continues a saved counter. Values that no counter can have are taken
// as their nearest possible ones.
func resume(s EnergyState) *counter {
	return &counter{EnergyState: EnergyState{Last: max(s.Last, 0), Counted: min(max(s.Counted, 0), fullCounter)}}
}

// add counts what was consumed since the last reading.
//
// A fall means that the plug was reset; what it counted in between cannot be
// told from what it forgot, so nothing is added. A single low or huge reading
// that is gone the next time must not count at all: falls and leaps are
// believed only when they persist.
func (c *counter) add(total driver.MilliwattMinutes) {
	rise := total - c.Last
	if rise < 0 || rise > leap {
		if c.doubt++; c.doubt < convinced {
			return
		}
	}
	c.doubt = 0
	c.Last = total
	c.Counted = min(c.Counted+max(rise, 0), fullCounter)
}

// energy returns the counter in mWh, rounded down.
func (c *counter) energy() MilliwattHours { return MilliwattHours(c.Counted / 60) }
