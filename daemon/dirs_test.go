package daemon

import (
	"testing"
)

func TestDirsFollowTheEnvironment(t *testing.T) {
	for _, name := range []string{"WATTGATE_STATE", "SNAP", "SNAP_NAME", "SNAP_COMMON", "WATTGATE_RUNTIME", "SNAP_DATA"} {
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
	t.Setenv("SNAP", "/snap/editor/1")
	t.Setenv("SNAP_NAME", "editor") // a terminal in somebody else's snap
	check(Dirs{}, Dirs{"/var/lib/wattgate", "/var/lib/wattgate"})
	t.Setenv("SNAP_NAME", "wattgate")
	check(Dirs{}, Dirs{"/common/state", "/data/run"})
	t.Setenv("WATTGATE_STATE", "/own")
	check(Dirs{}, Dirs{"/own", "/data/run"})
	check(Dirs{State: "/s", Runtime: "/r"}, Dirs{"/s", "/r"})
}
