package devices

import (
	"log/slog"
	"time"
)

// DefaultInterval is the time between two readings of a plug when
// Config.Interval is zero: 2 Hz, the rate that is sold.
const DefaultInterval = 500 * time.Millisecond

// MaxHold is how long a reading counts as current. A WeMo Insight refreshes
// its meter after 1.5 and 2.5 s in turn, so a longer silence is a loss. (With
// an Interval above 1.67 s it is one and a half intervals.)
const MaxHold = 2500 * time.Millisecond

// MaxWindow is the longest window Average can cover; older readings are
// forgotten, and a longer window shows that as missing coverage.
const MaxWindow = 15 * time.Minute

// Config says which plugs to look for and which of them count.
type Config struct {
	Discover  bool          // search by SSDP
	Interface string        // search on this network interface only; "" = all usable ones. The loopback interface is used only when named
	Addresses []string      // fixed plugs, host or host:port; without a port the brands' usual ports are tried
	Allow     []string      // serials that count; empty = all
	Events    bool          // subscribe to plugs that can send their readings, and read those rarely
	Interval  time.Duration // between two readings of a plug; 0 = DefaultInterval
}

// hold returns how long a reading counts: MaxHold, or one and a half intervals
// where the owner chose to read so rarely that MaxHold would leave gaps.
func (c Config) hold() time.Duration { return max(MaxHold, c.Interval*3/2) }

// Options is what a Fleet is made of.
type Options struct {
	Config
	Energy map[string]EnergyState // by UDN, as the last Energy call of the last run returned it
	Log    *slog.Logger           // nil discards

	// Lateness, if set, is called at the start of every reading with the time
	// between the grid's slot and that start. It is called from many goroutines
	// and must return at once.
	Lateness func(time.Duration)
}

// Plug is everything known about one plug, for its owner. Serial, FriendlyName
// and MAC are private: they never go to a topic.
type Plug struct {
	UDN, Serial, Model, Firmware, FriendlyName, MAC, Brand string

	Address string // host:port where it was last found
	Metered bool   // it has a meter
	Allowed bool   // it counts (Config.Allow)
	Health  Health
	Problem string    // what is wrong, in words; "" = nothing
	Since   time.Time // when it came into this state of health
	Events  bool      // its readings arrive as events
	Last    Sample    // the last reading, whatever its age
	Rate    float64   // readings per second over the last 10 s

	// Interval is the time between two readings now. It is longer than
	// Config.Interval while the plug answers so slowly that it is spared.
	Interval time.Duration

	Missed uint64 // slots of the grid skipped because the reading before took too long
	Read   uint64 // readings that succeeded
	Failed uint64 // readings that failed
}

// Sample is what is known about one plug at one moment.
type Sample struct {
	UDN, Serial string

	At        time.Time  // when the answer was read, with monotonic clock; zero = never
	Known     bool       // Power and Relay are current: read at most MaxHold before the moment asked for
	Power     Milliwatts // 0 when the relay is off, whatever the plug's meter still shows
	Relay     Relay
	Energy    MilliwattHours // cumulative, never falls, valid if HasEnergy even when Known is false
	HasEnergy bool
}

// Average is one plug's time-weighted mean over a window.
type Average struct {
	UDN, Serial string

	Mean      Watts          // over the covered time; 0 if nothing is covered
	Known     bool           // Coverage is at least one half
	Coverage  float64        // covered part of the window, 0 to 1
	Energy    MilliwattHours // cumulative now, never falls
	HasEnergy bool
}
