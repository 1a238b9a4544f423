package devices

import "github.com/wattgate/wattgate/devices/driver"

// Milliwatts is electrical power in mW.
type Milliwatts = driver.Milliwatts

// Watts is electrical power in W where fractions of a milliwatt matter: a mean
// of 3250 W·s over 42.5 s is 76.470588… W.
type Watts float64

// MilliwattHours is electrical energy in mWh, rounded down from the mW·min in
// which the fleet counts.
type MilliwattHours int64

// WattHours returns the energy in Wh.
func (e MilliwattHours) WattHours() float64 { return float64(e) / 1000 }

// Relay says whether a plug lets current through; String gives "unknown",
// "off", "standby" or "on".
type Relay = driver.Relay

// The states of a relay. Standby means that the relay is on and the load draws
// less than the plug's threshold.
const (
	RelayUnknown = driver.RelayUnknown
	RelayOff     = driver.RelayOff
	RelayStandby = driver.RelayStandby
	RelayOn      = driver.RelayOn
)

// Health is how well the fleet gets on with a plug.
type Health uint8

// The states of health, in the order in which a good plug passes them.
const (
	Discovered  Health = iota // it answered a search or its address is configured; it has not said who it is
	Verified                  // its description was read; no reading yet, or it does not count
	Online                    // its last reading succeeded
	Degraded                  // the last reading failed, not yet often enough to call it lost
	Unreachable               // three readings in a row failed; asked again after 2 to 60 s
	Unmetered                 // a plug without a meter, listed but not sampled
)

// String returns the state in lower case.
func (h Health) String() string {
	switch h {
	case Discovered:
		return "discovered"
	case Verified:
		return "verified"
	case Online:
		return "online"
	case Degraded:
		return "degraded"
	case Unreachable:
		return "unreachable"
	case Unmetered:
		return "unmetered"
	}
	return "unknown"
}
