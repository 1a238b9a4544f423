package daemon

import (
	"testing"
)

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
