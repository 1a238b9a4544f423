package daemon

import (
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/config"
)

func TestListenerThatIsOffSaysHowToMoveIt(t *testing.T) {
	if l := listenerOf("web.listen", "0.0.0.0:8080", ""); l.Remedy != "" || l.Problem != "" {
		t.Errorf("%+v", l)
	}
	if l := listenerOf("web.listen", "0.0.0.0:8080", "taken"); !strings.Contains(l.Remedy, "web.listen=0.0.0.0:PORT in the configuration file") {
		t.Errorf("%+v", l)
	}
	inSnapNamed(t, "wattgate_lab")
	if l := listenerOf("web.listen", "0.0.0.0:8080", "taken"); !strings.Contains(l.Remedy, "snap set wattgate_lab web.listen=") {
		t.Errorf("%+v", l)
	}
}

func inSnapNamed(t *testing.T, instance string) {
	t.Setenv("SNAP", "/snap/"+instance+"/x1")
	t.Setenv("SNAP_NAME", "wattgate")
	t.Setenv("SNAP_INSTANCE_NAME", instance)
}

func TestStatusTellsANewOwnerWhatToDoNextAndThenNoMore(t *testing.T) {
	inSnapNamed(t, "wattgate")
	c := config.Default()
	all := strings.Join(nextSteps(c, 0, 0), "\n")
	for _, want := range []string{"wattgate plugs scan", "snap set wattgate plugs.addresses=", "wattgate grants add", "snap set wattgate publish.level=average"} {
		if !strings.Contains(all, want) {
			t.Errorf("a fresh gateway does not say %q:\n%s", want, all)
		}
	}
	if next := nextSteps(c, 1, 1); len(next) != 0 {
		t.Errorf("an owner who has plugs and a user is told %q", next)
	}
	c.Publish.Level = config.Average
	if next := nextSteps(c, 1, 0); len(next) != 0 {
		t.Errorf("an owner who publishes is told %q", next)
	}
}

// A broker that listens otherwise than configured is started afresh at once, then less and less often: it may go on doing so.
func TestABrokerWithOtherListenersIsNotRestartedForEver(t *testing.T) {
	var b brokerStarts
	want := config.Default().Broker
	has := want
	has.Listen = "0.0.0.0:1884"
	now, restarts := at("2026-11-22T08:00:00Z"), 0
	for range 3600 {
		if b.due(has, want, now) {
			restarts++
		}
		now = now.Add(time.Second)
	}
	if restarts < 10 || restarts > 20 {
		t.Errorf("%d fresh starts in an hour", restarts)
	}
	if b.due(want, want, now) || !b.due(has, want, now) {
		t.Error("after it listened as configured, the next change is not followed at once")
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
