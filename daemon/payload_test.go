package daemon

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/devices"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t
}

var slotOfTheContract = slotID{at: at("2026-11-22T08:00:00.5+01:00"), run: "9f3a01c2", seq: 123}

// known is a sample that was read some time before now.
func known(now time.Time, age time.Duration, power devices.Milliwatts, energy devices.MilliwattHours) devices.Sample {
	return devices.Sample{At: now.Add(-age), Known: true, Power: power, Relay: devices.RelayOn, Energy: energy, HasEnergy: true}
}

func TestSumAsTheContractShowsIt(t *testing.T) {
	now := time.Now()
	got := encode(sumOf(slotOfTheContract, now, []devices.Sample{known(now, 230*time.Millisecond, 41235, 1)}, wattHours(1204314)))
	want := `{"ts":"2026-11-22T07:00:00.500Z","run":"9f3a01c2","seq":123,"power_w":41.235,"energy_wh":1204.31,"age_ms":230,"plugs":1,"of":1}`
	if string(got) != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
}

// energyIn is the energy a wanted message holds: 7 Wh, or not known.
func energyIn(message string) *float64 {
	if strings.Contains(message, `"energy_wh":null`) {
		return nil
	}
	return wattHours(7000)
}

func TestSumOf(t *testing.T) {
	now := time.Now()
	unknown := devices.Sample{At: now.Add(-time.Minute), Power: 99999, Energy: 5, HasEnergy: true}
	never := devices.Sample{}
	for name, tt := range map[string]struct {
		samples []devices.Sample
		want    string // from power_w on; its energy is what is given
	}{
		"no plugs at all":             {nil, `"power_w":null,"energy_wh":null,"age_ms":null,"plugs":0,"of":0}`},
		"nothing ever heard":          {[]devices.Sample{never, never}, `"power_w":null,"energy_wh":null,"age_ms":null,"plugs":0,"of":2}`},
		"a plug went silent":          {[]devices.Sample{unknown}, `"power_w":null,"energy_wh":7,"age_ms":null,"plugs":0,"of":1}`},
		"one of three":                {[]devices.Sample{unknown, known(now, 80*time.Millisecond, 1500, 0), never}, `"power_w":1.5,"energy_wh":7,"age_ms":80,"plugs":1,"of":3}`},
		"off is zero and not unknown": {[]devices.Sample{known(now, 0, 0, 0)}, `"power_w":0,"energy_wh":7,"age_ms":0,"plugs":1,"of":1}`},
		"the oldest tells the age": {[]devices.Sample{known(now, 10*time.Millisecond, 1, 0), known(now, 2400*time.Millisecond, 2, 0), known(now, 500*time.Millisecond, 3, 0)},
			`"power_w":0.006,"energy_wh":7,"age_ms":2400,"plugs":3,"of":3}`},
		"read after now was asked": {[]devices.Sample{known(now, -3*time.Millisecond, 1000, 0)}, `"power_w":1,"energy_wh":7,"age_ms":0,"plugs":1,"of":1}`},
		"more than fits in 32 bits": {[]devices.Sample{known(now, 0, math.MaxInt32, 0), known(now, 0, math.MaxInt32, 0)},
			`"power_w":4294967.294,"energy_wh":7,"age_ms":0,"plugs":2,"of":2}`},
	} {
		_, got, _ := strings.Cut(string(encode(sumOf(slotOfTheContract, now, tt.samples, energyIn(tt.want)))), `"seq":123,`)
		if got != tt.want {
			t.Errorf("%s:\n%s, want\n%s", name, got, tt.want)
		}
	}
}

// A plug that has no current reading must not look like one that draws nothing, whatever its sample still holds.
func TestUnknownIsNeverANumber(t *testing.T) {
	now := time.Now()
	for power := range devices.Milliwatts(3) {
		s := devices.Sample{At: now, Known: false, Power: power, Relay: devices.RelayOn}
		if sum := sumOf(slotOfTheContract, now, []devices.Sample{s, s}, nil); sum.PowerW != nil || sum.AgeMS != nil || sum.EnergyWh != nil || sum.Plugs != 0 || sum.Of != 2 {
			t.Errorf("sum: %s", encode(sum))
		}
		one := plugLive(slotOfTheContract, now, "fridge", s)
		if one.PowerW != nil || one.AgeMS != nil || one.EnergyWh != nil || one.State != "unknown" {
			t.Errorf("plug: %s", encode(one))
		}
		if payload, ok := bare(one.PowerW); ok || payload != nil {
			t.Errorf("bare: %q", payload)
		}
	}
}

func TestPlugLive(t *testing.T) {
	now := time.Now()
	for relay, want := range map[devices.Relay]string{devices.RelayOn: "on", devices.RelayStandby: "standby", devices.RelayOff: "off", devices.RelayUnknown: "unknown"} {
		s := known(now, 40*time.Millisecond, 41235, 12345)
		s.Relay = relay
		got := string(encode(plugLive(slotOfTheContract, now, "fridge", s)))
		if text := `{"ts":"2026-11-22T07:00:00.500Z","run":"9f3a01c2","seq":123,"plug":"fridge","state":"` + want + `","power_w":41.235,"energy_wh":12.35,"age_ms":40}`; got != text {
			t.Errorf("\n%s, want\n%s", got, text)
		}
	}
}

func TestBareNumberIsTheOneInTheMessage(t *testing.T) {
	for power, want := range map[devices.Milliwatts]string{0: "0", 1: "0.001", 41235: "41.235", 1500: "1.5", 3_600_000: "3600", math.MaxInt32: "2147483.647"} {
		payload, ok := bare(watts(power))
		message, err := json.Marshal(watts(power))
		if !ok || string(payload) != want || err != nil || string(message) != want {
			t.Errorf("%d mW: %q and %q, want %q", power, payload, message, want)
		}
	}
	// No exponent, even where JSON would have one: the topic is for the simplest of readers.
	if payload, _ := bare(new(1e21)); strings.ContainsAny(string(payload), "eE+") {
		t.Errorf("%q", payload)
	}
}

func TestEnergyIsRoundedToTheHundredth(t *testing.T) {
	for counter, want := range map[devices.MilliwattHours]float64{0: 0, 4: 0, 5: 0.01, 1204305: 1204.31, 1204304: 1204.3, 1 << 50: 1125899906842.62} {
		if got := *wattHours(counter); got != want {
			t.Errorf("%d mWh: %v, want %v", counter, got, want)
		}
	}
	last := -1.0
	for counter := range devices.MilliwattHours(1000) {
		if got := *wattHours(counter); got < last {
			t.Fatalf("%d mWh: %v after %v: energy never falls", counter, got, last)
		} else {
			last = got
		}
	}
}

func heard(coverage, mean float64) devices.Average {
	return devices.Average{Mean: devices.Watts(mean), Coverage: coverage, Known: coverage >= 0.5, HasEnergy: true}
}

func TestMinuteOfSum(t *testing.T) {
	for name, tt := range map[string]struct {
		averages []devices.Average
		want     string // from power_w on
	}{
		"nothing expected":       {nil, `"power_w":null,"energy_wh":null,"coverage":0}`},
		"all heard":              {[]devices.Average{heard(1, 40.1), heard(1, 2.05)}, `"power_w":42.15,"energy_wh":7,"coverage":1}`},
		"half is enough":         {[]devices.Average{heard(0.5, 3)}, `"power_w":3,"energy_wh":7,"coverage":0.5}`},
		"less than half is not":  {[]devices.Average{heard(0.4999, 3)}, `"power_w":null,"energy_wh":7,"coverage":0.4999}`},
		"never heard":            {[]devices.Average{{}}, `"power_w":null,"energy_wh":null,"coverage":0}`},
		"one of two, whole time": {[]devices.Average{heard(1, 3), heard(0, 0)}, `"power_w":3,"energy_wh":7,"coverage":0.5}`},
		"one of three":           {[]devices.Average{heard(1, 3), heard(0, 0), heard(0, 0)}, `"power_w":null,"energy_wh":7,"coverage":0.3333}`},
		"a plug heard too little adds nothing": {[]devices.Average{heard(1, 3), heard(0.4, 1000)},
			`"power_w":3,"energy_wh":7,"coverage":0.7}`},
		"no digits a meter never had": {[]devices.Average{heard(59.0/60, 1.0/3)}, `"power_w":0.3333,"energy_wh":7,"coverage":0.9833}`},
		"nothing drawn is zero":       {[]devices.Average{heard(1, 0)}, `"power_w":0,"energy_wh":7,"coverage":1}`},
	} {
		got := string(encode(minuteOfSum(at("2026-11-22T08:01:00+01:00"), time.Minute, tt.averages, energyIn(tt.want))))
		if want := `{"ts":"2026-11-22T07:01:00.000Z","window_s":60,` + tt.want; got != want {
			t.Errorf("%s:\n%s, want\n%s", name, got, want)
		}
	}
}

func TestMinuteOfPlug(t *testing.T) {
	end := at("2026-11-22T07:01:00Z")
	a := heard(0.98, 40.1)
	a.Energy = 12345
	if got, want := string(encode(minuteOfPlug(end, time.Minute, a))), `{"ts":"2026-11-22T07:01:00.000Z","window_s":60,"power_w":40.1,"energy_wh":12.35,"coverage":0.98}`; got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
	if got := minuteOfPlug(end, time.Minute, devices.Average{Mean: 5, Coverage: 0.2}); got.PowerW != nil || got.EnergyWh != nil || got.Coverage != 0.2 {
		t.Errorf("%s: want no power and no energy", encode(got))
	}
}

func TestHistoryGivesTheMinuteBack(t *testing.T) {
	end := at("2026-11-22T07:01:00Z")
	want := minuteOfSum(end, time.Minute, []devices.Average{heard(0.98, 40.1)}, wattHours(7000))
	if got := minuteOfHistory(historyOfMinute(end, want)); string(encode(got)) != string(encode(want)) {
		t.Errorf("\n%s, want\n%s", encode(got), encode(want))
	}
	made := historyOfMinute(end, want)
	made.Simulated = true
	if got := string(encode(minuteOfHistory(made))); !strings.Contains(got, `"simulated":true`) {
		t.Errorf("%s: what was made up must say so", got)
	}
}
