package devices

import "testing"

func TestWordsForStates(t *testing.T) {
	for got, want := range map[string]string{
		RelayUnknown.String(): "unknown", RelayOff.String(): "off", RelayStandby.String(): "standby", RelayOn.String(): "on",
		Discovered.String(): "discovered", Verified.String(): "verified", Online.String(): "online",
		Degraded.String(): "degraded", Unreachable.String(): "unreachable", Unmetered.String(): "unmetered",
	} {
		if got != want {
			t.Errorf("%q instead of %q", got, want)
		}
	}
	if w, wh := Milliwatts(41235).Watts(), MilliwattHours(1204310).WattHours(); w != 41.235 || wh != 1204.31 {
		t.Errorf("%v W, %v Wh", w, wh)
	}
}
