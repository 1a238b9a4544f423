package daemon

import (
	"strings"
	"testing"
	"time"
)

func TestListenerThatIsOffSaysHowToMoveIt(t *testing.T) {
	if l := listenerOf("web.listen", "0.0.0.0:8080", ""); l.Remedy != "" || l.Problem != "" {
		t.Errorf("%+v", l)
	}
	if l := listenerOf("web.listen", "0.0.0.0:8080", "taken"); !strings.Contains(l.Remedy, "snap set wattgate web.listen=") {
		t.Errorf("%+v", l)
	}
}

func TestShortAndUntil(t *testing.T) {
	if got := short(strings.Repeat("a", 64)); got != strings.Repeat("a", 16)+"…" {
		t.Errorf("%q", got)
	}
	if got := short("abc"); got != "abc" {
		t.Errorf("%q", got)
	}
	if untilOf(time.Time{}) != "revoked" || untilOf(at("2026-11-22T08:00:00+01:00")) != "2026-11-22T07:00:00Z" {
		t.Error(untilOf(time.Time{}), untilOf(at("2026-11-22T08:00:00+01:00")))
	}
	if timeOrNil(time.Time{}) != nil || timeOrNil(at("2026-11-22T08:00:00+01:00")).Location() != time.UTC {
		t.Error("the zero time is null, others are UTC")
	}
}
