package daemon

import (
	"testing"
)

func TestSince(t *testing.T) {
	want := at("2026-11-22T07:00:00Z")
	for _, text := range []string{"2026-11-22T07:00:00Z", "2026-11-22T08:00:00+01:00", "1795330800"} {
		if got, err := parseSince(text); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "-1", "1e9", "99999999999999", "2026-11-22", " 1795330800"} {
		if got, err := parseSince(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}
