package driver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// Milliwatts is electrical power in mW, the finest step any known plug reports.
type Milliwatts int64

// Watts returns the power in W.
func (p Milliwatts) Watts() float64 { return float64(p) / 1000 }

// MilliwattMinutes is electrical energy in mW·min, the unit in which the WeMo
// Insight counts. 60 of them are one mWh.
type MilliwattMinutes int64

// Relay says whether a plug lets current through.
type Relay uint8

// The states of a relay. Standby means that the relay is on and the load
// draws less than the plug's threshold.
const (
	RelayUnknown Relay = iota
	RelayOff
	RelayStandby
	RelayOn
)

// String returns "unknown", "off", "standby" or "on".
func (r Relay) String() string {
	switch r {
	case RelayOff:
		return "off"
	case RelayStandby:
		return "standby"
	case RelayOn:
		return "on"
	}
	return "unknown"
}

// Location is where a plug is said to live: an address that was checked, and
// the path of its description ("" where the brand knows the path).
type Location struct {
	Addr netip.AddrPort
	Path string
}

// String returns the location as address, port and path.
func (l Location) String() string { return fmt.Sprintf("%s%s", l.Addr, l.Path) }

// Identity is what a plug says about itself. The strings are bounded and
// printable: a brand passes them through Clean.
type Identity struct {
	UDN          string // unique device name, "uuid:…" or begun with the brand; identifies the plug for ever
	Serial       string // as printed on the plug
	Model        string
	Firmware     string
	FriendlyName string // chosen by the owner
	MAC          string // lower-case hex without separators, "" = not told
}

// Reading is one answer of a meter. What the plug did not tell is absent
// (Has… is false), never 0.
type Reading struct {
	Relay    Relay
	Power    Milliwatts
	HasPower bool
	Total    MilliwattMinutes // counted by the plug; may fall when it is reset
	HasTotal bool
}

// Meter reads one plug. Each call is one request on a connection of its own
// and ends within two seconds or with ctx. It is never called concurrently.
type Meter interface {
	Read(ctx context.Context) (Reading, error)
}

// ErrUnsubscribed is a plug's answer to the renewal of a subscription that it
// does not know, for example because it was restarted.
var ErrUnsubscribed = errors.New("the plug does not know the subscription")
