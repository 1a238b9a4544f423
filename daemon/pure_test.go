package daemon

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/config"
)

func TestLowerLevel(t *testing.T) {
	levels := []config.Level{config.Private, config.Average, config.Live}
	for i, a := range levels {
		for j, b := range levels {
			if got := lower(a, b); got != (j < i) {
				t.Errorf("from %s to %s is lower: %t", a, b, got)
			}
		}
	}
}

func TestRunsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		name := newRun()
		if len(name) != 8 || strings.Trim(name, "0123456789abcdef") != "" || seen[name] {
			t.Fatalf("%q", name)
		}
		seen[name] = true
	}
}

func TestEndpoint(t *testing.T) {
	for _, tt := range []struct{ listen, host, want string }{
		{"0.0.0.0:1883", "", ""}, // nobody knows under which of its addresses
		{"[::]:1883", "", ""},
		{":1883", "", ""},
		{"", "", ""},
		{"", "gw.example", ""},
		{"gw.example", "gw.example", ""},
		{"0.0.0.0:0", "gw.example", ""}, // nobody knows which port
		{"192.0.2.7:1883", "", "mqtt://192.0.2.7:1883"},
		{"[2001:db8::7]:1883", "", "mqtt://[2001:db8::7]:1883"},
		{"0.0.0.0:1883", "gw.example", "mqtt://gw.example:1883"},
		{"192.0.2.7:11883", "gw.example", "mqtt://gw.example:11883"},
		{"0.0.0.0:1883", "2001:db8::7", "mqtt://[2001:db8::7]:1883"},
	} {
		if got := endpoint("mqtt://", tt.listen, tt.host); got != tt.want {
			t.Errorf("listening on %q as %q: %q, want %q", tt.listen, tt.host, got, tt.want)
		}
	}
}

func TestOfferNamesWhatListens(t *testing.T) {
	c := config.Default()
	c.Public.Host = "gw.example"
	if got := endpoints(c); got.MQTT != "mqtt://gw.example:1883" || got.HTTP != "http://gw.example:8080" {
		t.Errorf("%+v", got)
	}
	c.Broker.Listen = ""
	if got := endpoints(c); got.MQTT != "" || got.HTTP == "" {
		t.Errorf("without MQTT: %+v", got)
	}
}

func TestListenerThatIsOffSaysHowToMoveIt(t *testing.T) {
	if l := listenerOf("web.listen", "0.0.0.0:8080", ""); l.Remedy != "" || l.Problem != "" {
		t.Errorf("%+v", l)
	}
	if l := listenerOf("web.listen", "0.0.0.0:8080", "taken"); !strings.Contains(l.Remedy, "snap set wattgate web.listen=") {
		t.Errorf("%+v", l)
	}
}

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

func TestDirsFollowTheEnvironment(t *testing.T) {
	for _, name := range []string{"WATTGATE_STATE", "SNAP_COMMON", "WATTGATE_RUNTIME", "SNAP_DATA"} {
		t.Setenv(name, "")
	}
	check := func(given, want Dirs) {
		t.Helper()
		if got := given.WithDefaults(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	check(Dirs{}, Dirs{"/var/lib/wattgate", "/var/lib/wattgate"})
	check(Dirs{State: "/s"}, Dirs{"/s", "/s"})
	t.Setenv("SNAP_COMMON", "/common")
	t.Setenv("SNAP_DATA", "/data")
	check(Dirs{}, Dirs{"/common", "/data"})
	t.Setenv("WATTGATE_STATE", "/own")
	check(Dirs{}, Dirs{"/own", "/data"})
	check(Dirs{State: "/s", Runtime: "/r"}, Dirs{"/s", "/r"})
}

func TestListsAreReadToTheirEnd(t *testing.T) {
	all := []int64{2, 3, 5, 7, 11}
	page := func(_ context.Context, after int64) (out []int64, err error) {
		for _, n := range all {
			if n > after && len(out) < 2 {
				out = append(out, n)
			}
		}
		return out, nil
	}
	same := func(n int64) int64 { return n }
	if got, err := pages(t.Context(), page, same); err != nil || !slices.Equal(got, all) {
		t.Errorf("%v %v, want %v", got, err, all)
	}
	broken := errors.New("disk")
	failing := func(context.Context, int64) ([]int64, error) { return nil, broken }
	if _, err := pages(t.Context(), failing, same); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
