package devices

import "github.com/wattgate/wattgate/devices/driver"

// EnergyState is one plug's energy counter. Saved and given back in
// Options.Energy it continues over restarts of the plug and of the gateway.
type EnergyState struct {
	Last    driver.MilliwattMinutes `json:"last_mwmin"`    // the plug's own total that was counted last
	Counted driver.MilliwattMinutes `json:"counted_mwmin"` // our counter: never falls
}
