package wemo

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/wattgate/wattgate/devices/driver"
)

// Limits beyond which an answer is nonsense, not a measurement.
const (
	maxParams = 512  // bytes of one parameter string; recorded ones have at most 100
	maxPower  = 1e8  // mW: 100 kW, an Insight ends at 3.6 kW
	maxEnergy = 1e15 // mW·min: 2^32 is passed by real plugs, this never
	maxTime   = 1e11 // s
)

// errAnswer is what some firmwares say instead of parameters.
var errAnswer = errors.New(`the plug answered "Error"`)

// Number is a number that may be absent.
type Number struct {
	N     int64
	Known bool
}

// Insight is a parameter string of an Insight, in its order. What an older or
// shorter form does not contain is absent.
type Insight struct {
	Relay      driver.Relay
	LastChange Number // unix time of the last switching, s
	OnFor      Number // s
	OnToday    Number // s
	OnTotal    Number // s within Timespan
	Timespan   Number // s, at most two weeks
	AverageW   Number // W while on, over a window only the plug knows
	Power      Number // mW; may be stale for some seconds after switching off
	Today      Number // mW·min since the plug's own midnight
	Total      Number // mW·min; may exceed 2^32
	Threshold  Number // mW between standby and on; only in the form of 11 fields
}

// ParseInsight reads the answer to GetInsightParams (11 fields) or a
// BinaryState of an Insight (8 or 10 fields).
//
// A wrong state, power or energy makes the whole string worthless; in the
// other fields nonsense is merely absent.
func ParseInsight(s string) (Insight, error) {
	s = strings.TrimSpace(s)
	if s == "Error" {
		return Insight{}, errAnswer
	}
	if len(s) > maxParams {
		return Insight{}, fmt.Errorf("cannot use meter reading of %d bytes: more than %d", len(s), maxParams)
	}
	f := strings.Split(s, "|")
	if n := len(f); n != 8 && n != 10 && n != 11 {
		return Insight{}, fmt.Errorf("cannot use meter reading %q: %d fields instead of 8, 10 or 11", driver.Clean(s), n)
	}
	f = append(f, "", "", "")[:11]
	var p Insight
	var bad []string
	must := func(name string, i int, limit int64) Number {
		n, err := number(f[i], limit)
		if err != nil {
			bad = append(bad, name)
		}
		return n
	}
	may := func(i int, limit int64) Number { n, _ := number(f[i], limit); return n }

	p.Relay = relay(must("state", 0, 255))
	p.LastChange, p.OnFor, p.OnToday, p.OnTotal, p.Timespan = may(1, maxTime), may(2, maxTime), may(3, maxTime), may(4, maxTime), may(5, maxTime)
	p.AverageW, p.Threshold = may(6, maxPower), may(10, maxPower)
	p.Power = must("power", 7, maxPower)
	p.Today = must("energy today", 8, maxEnergy)
	p.Total = must("energy", 9, maxEnergy)
	if len(bad) > 0 {
		return Insight{}, fmt.Errorf("cannot use meter reading %q: nonsense in %s", driver.Clean(s), strings.Join(bad, ", "))
	}
	return p, nil
}

// Reading returns what the fleet wants to know.
func (p Insight) Reading() driver.Reading {
	return driver.Reading{
		Relay:    p.Relay,
		Power:    driver.Milliwatts(p.Power.N),
		HasPower: p.Power.Known,
		Total:    driver.MilliwattMinutes(p.Total.N),
		HasTotal: p.Total.Known,
	}
}

// relay translates a state; one that no recording knows is unknown.
func relay(state Number) driver.Relay {
	if !state.Known {
		return driver.RelayUnknown
	}
	switch state.N {
	case 0:
		return driver.RelayOff
	case 1:
		return driver.RelayOn
	case 8:
		return driver.RelayStandby
	}
	return driver.RelayUnknown
}

// number reads an integer from 0 to limit, with or without decimals (SOAP
// answers carry ".000000", events do not), rounded half up. An empty field is
// absent and no error.
func number(s string, limit int64) (Number, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Number{}, nil
	}
	whole, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseUint(whole, 10, 63)
	if err != nil {
		return Number{}, err
	}
	if strings.Trim(frac, "0123456789") != "" {
		return Number{}, strconv.ErrSyntax
	}
	if frac != "" && frac[0] >= '5' {
		n++
	}
	if n > uint64(limit) {
		return Number{}, strconv.ErrRange
	}
	return Number{N: int64(n), Known: true}, nil
}
