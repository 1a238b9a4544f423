package daemon

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/wattgate/wattgate/devices"
)

// grid is the distance of two publishing slots: twice a second, the product's rate.
const grid = 500 * time.Millisecond

// stamp is how every timestamp looks on MQTT: UTC, always three decimals.
const stamp = "2006-01-02T15:04:05.000Z"

// liveSum is the payload of sensor/live: the sum of the plugs that have a current reading.
type liveSum struct {
	TS       string   `json:"ts"`
	Run      string   `json:"run"`
	Seq      uint64   `json:"seq"`
	PowerW   *float64 `json:"power_w"`
	EnergyWh *float64 `json:"energy_wh"`
	AgeMS    *int64   `json:"age_ms"`
	Plugs    int      `json:"plugs"`
	Of       int      `json:"of"`
}

// livePlug is the payload of sensor/plug/<id>/live.
type livePlug struct {
	TS       string   `json:"ts"`
	Run      string   `json:"run"`
	Seq      uint64   `json:"seq"`
	Plug     string   `json:"plug"`
	State    string   `json:"state"`
	PowerW   *float64 `json:"power_w"`
	EnergyWh *float64 `json:"energy_wh"`
	AgeMS    *int64   `json:"age_ms"`
}

// minute is the payload of sensor/1m and sensor/plug/<id>/1m.
type minute struct {
	TS        string   `json:"ts"`
	WindowS   int      `json:"window_s"`
	PowerW    *float64 `json:"power_w"`
	EnergyWh  *float64 `json:"energy_wh"`
	Coverage  float64  `json:"coverage"`
	Simulated bool     `json:"simulated,omitempty"`
}

// slotID names one slot of one run of the gateway.
type slotID struct {
	at  time.Time
	run string
	seq uint64
}

// sumOf adds up what is known of the plugs at now. A plug without a current reading is left out and counted out;
// with none known the power is null, never zero. energy is nil while it is not known.
func sumOf(slot slotID, now time.Time, samples []devices.Sample, energy *float64) liveSum {
	out := liveSum{TS: slot.at.UTC().Format(stamp), Run: slot.run, Seq: slot.seq, Of: len(samples), EnergyWh: energy}
	var power devices.Milliwatts
	var oldest time.Duration
	for _, s := range samples {
		if !s.Known {
			continue
		}
		power += s.Power
		oldest = max(oldest, now.Sub(s.At))
		out.Plugs++
	}
	if out.Plugs > 0 {
		out.PowerW = watts(power)
		out.AgeMS = milliseconds(oldest)
	}
	return out
}

// plugLive is one plug's own message.
func plugLive(slot slotID, now time.Time, id string, s devices.Sample) livePlug {
	out := livePlug{TS: slot.at.UTC().Format(stamp), Run: slot.run, Seq: slot.seq, Plug: id, State: devices.RelayUnknown.String()}
	if s.HasEnergy && !s.At.IsZero() { // before the first reading of this run, the counter may be behind what was told
		out.EnergyWh = wattHours(s.Energy)
	}
	if s.Known {
		out.State = s.Relay.String()
		out.PowerW = watts(s.Power)
		out.AgeMS = milliseconds(now.Sub(s.At))
	}
	return out
}

func watts(p devices.Milliwatts) *float64 {
	w := float64(p) / 1000
	return &w
}

// wattHours rounds to the hundredth that is published.
func wattHours(e devices.MilliwattHours) *float64 {
	wh := math.Round(float64(e)/10) / 100
	return &wh
}

func milliseconds(d time.Duration) *int64 {
	ms := max(0, d.Milliseconds())
	return &ms
}

// bare is the payload of the …/w topics: the number of watts and nothing else; ok is false where it is unknown.
func bare(w *float64) (payload []byte, ok bool) {
	if w == nil {
		return nil, false
	}
	return strconv.AppendFloat(nil, *w, 'f', -1, 64), true
}

// encode turns one of the structs above into JSON; they hold nothing that JSON cannot carry.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return data
}

// minuteOfSum is the free average of all plugs: the sum of the means of the plugs that were heard at least half of the
// window. Its coverage is the part of the plugs' time that was heard; below one half the power is null.
func minuteOfSum(end time.Time, window time.Duration, averages []devices.Average, energy *float64) minute {
	out := minute{TS: end.UTC().Format(stamp), WindowS: int(window / time.Second), EnergyWh: energy}
	var mean, coverage float64
	for _, a := range averages {
		coverage += a.Coverage
		if a.Known {
			mean += float64(a.Mean)
		}
	}
	if len(averages) == 0 {
		return out
	}
	coverage /= float64(len(averages))
	out.Coverage = decimals(coverage, 4)
	if coverage >= 0.5 {
		out.PowerW = new(decimals(mean, 4))
	}
	return out
}

// minuteOfPlug is one plug's own average.
func minuteOfPlug(end time.Time, window time.Duration, a devices.Average) minute {
	out := minute{TS: end.UTC().Format(stamp), WindowS: int(window / time.Second), Coverage: decimals(a.Coverage, 4)}
	if a.HasEnergy {
		out.EnergyWh = wattHours(a.Energy)
	}
	if a.Known {
		out.PowerW = new(decimals(float64(a.Mean), 4))
	}
	return out
}

// decimals rounds to n places, so that JSON shows no digits a meter never had.
func decimals(x float64, n int) float64 {
	scale := math.Pow10(n)
	return math.Round(x*scale) / scale
}
