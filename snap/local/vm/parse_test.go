//go:build linux

package vm

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// Records as a guest's journal has them: two denials, a caught call, and three that are none of them.
const records = `AVC apparmor="DENIED" operation="open" profile="snap.probe.fail" name="/etc/shadow" pid=1674 comm="probe" requested_mask="r" denied_mask="r" fsuid=0 ouid=0
SYSCALL arch=c000003e syscall=257 success=no exit=-13 a0=ffffffffffffff9c a1=3f6a a2=90000 a3=0 items=0 ppid=1668 pid=1674 auid=0 uid=0 comm="probe" exe="/snap/probe/x1/bin/probe" subj=snap.probe.fail key=(null)
SECCOMP auid=1000 uid=0 gid=0 ses=5 subj=snap.probe.probe pid=1587 comm="probe" exe="/snap/probe/x1/bin/probe" sig=0 arch=c000003e syscall=434 compat=0 ip=0x408ace code=0x50000
AVC apparmor="STATUS" operation="profile_load" profile="unconfined" name="snap.probe.fail" pid=100 comm="apparmor_parser"
AVC apparmor="DENIED" operation="capable" profile="/usr/lib/snapd/snap-confine" pid=3 comm="a b=c" capability=12  capname="net_admin"
PROCTITLE proctitle=2F736E6170
`

func TestRefusalsAreReadFromAuditRecords(t *testing.T) {
	got := parseRefusals(records)
	if len(got) != 3 {
		t.Fatalf("%d refusals: %v", len(got), got)
	}
	if r := got[0]; r.Kind != "apparmor" || r.Fields["name"] != "/etc/shadow" || r.Fields["operation"] != "open" || r.Fields["ouid"] != "0" {
		t.Errorf("%+v", r)
	}
	if r := got[1]; r.Kind != "seccomp" || r.Fields["syscall"] != "434" || r.Fields["subj"] != "snap.probe.probe" {
		t.Errorf("%+v", r)
	}
	if r := got[2]; r.Kind != "apparmor" || r.Fields["comm"] != "a b=c" || r.Fields["capname"] != "net_admin" {
		t.Errorf("%+v", r)
	}
}

func TestOnlyWhatIsExplainedIsExpected(t *testing.T) {
	all := parseRefusals(records)
	shadow := Expected{"apparmor", map[string]string{"operation": "open", "name": "/etc/*"}, "provoked"}
	pidfd := Expected{"seccomp", map[string]string{"syscall": "434"}, "Go asks once"}
	if bad, idle := Unexpected(all, "probe", []Expected{shadow, pidfd}); len(bad) != 0 || len(idle) != 0 {
		t.Errorf("all is explained, and yet %v %v", bad, idle)
	}
	if bad, _ := Unexpected(all, "probe", []Expected{pidfd}); len(bad) != 1 || bad[0].Fields["name"] != "/etc/shadow" {
		t.Errorf("the denial was overlooked: %v", bad)
	}
	stale := Expected{"apparmor", map[string]string{"name": "/etc/passwd"}, "no longer asked for"}
	if bad, idle := Unexpected(all, "probe", []Expected{shadow, pidfd, stale}); len(bad) != 0 || len(idle) != 1 || idle[0].Why != stale.Why {
		t.Errorf("the stale entry was not told: %v %v", bad, idle)
	}
	// A star must not cross a slash, or "/proc/*" would hide everything there.
	wide := Expected{"apparmor", map[string]string{"name": "/*"}, "too wide"}
	if bad, _ := Unexpected(all, "probe", []Expected{wide, pidfd}); len(bad) != 1 {
		t.Errorf("a star crossed a slash: %v", bad)
	}
	if bad, _ := Unexpected(all, "prob", nil); len(bad) != 0 {
		t.Errorf("another snap's refusals were counted: %v", bad)
	}
}

func TestServicesAreReadFromSnapServices(t *testing.T) {
	got := parseServices("Service             Startup   Current   Notes\nwattgate.daemon     enabled   active    -\nwattgate.mosquitto  disabled  inactive  user, socket\nalone  enabled  active  -\n")
	want := map[string]Service{
		"daemon":    {"enabled", "active", "-"},
		"mosquitto": {"disabled", "inactive", "user, socket"},
		"alone":     {"enabled", "active", "-"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestProcessesOfASnapAreKnownByLabelOrPath(t *testing.T) {
	got := parseProcesses(`    570 root          41952 unconfined                      /usr/lib/snapd/snapd
   1723 snap_daemon   19096 snap.probe.gate (enforce)       /snap/probe/x1/bin/probe service
   1724 root           4000 unconfined                      /snap/probe/x1/bin/probe escaped
   1725 root           4000 snap.prober.gate (complain)     /snap/prober/x1/bin/prober
`, "probe")
	want := []Process{
		{PID: 1723, User: "snap_daemon", Label: "snap.probe.gate", Mode: "enforce", RSS: 19096, Args: "/snap/probe/x1/bin/probe service"},
		{PID: 1724, User: "root", Label: "unconfined", RSS: 4000, Args: "/snap/probe/x1/bin/probe escaped"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestHalfAStageIsNeverUsed(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	c, err := openCache(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	broken := errors.New("the power went")
	if _, err := c.stage("tree", "k", func(dir string) error {
		return errors.Join(os.WriteFile(filepath.Join(dir, "half"), nil, 0o600), broken)
	}); !errors.Is(err, broken) {
		t.Fatalf("%v", err)
	}
	made := 0
	for range 2 {
		dir, err := c.stage("tree", "k", func(dir string) error {
			made++
			return os.WriteFile(filepath.Join(dir, "whole"), nil, 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "half")); err == nil {
			t.Error("what was left of the first try is in the stage")
		}
		if _, err := os.Stat(filepath.Join(dir, "whole")); err != nil {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("made %d times", made)
	}
}

// A process that is killed cannot clean up; the next one does.
func TestWhatAKilledProcessLeftIsSweptAway(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	half := filepath.Join(os.Getenv("XDG_CACHE_HOME"), "wattgate", "snapvm", "tree-k.half")
	gone := filepath.Join(os.TempDir(), guestPrefix+"99999999-1") // above the highest pid of Linux, 4194304
	ours, err := newGuest("", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{half, gone} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c, err := openCache(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	c.close()
	for _, dir := range []string{half, gone} {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s is still there", dir)
		}
	}
	if _, err := os.Stat(ours.dir); err != nil {
		t.Errorf("a guest that is in use was swept away: %v", err)
	}
}
