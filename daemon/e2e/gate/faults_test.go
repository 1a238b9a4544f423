//go:build linux

package gate

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// fault is what an owner's editor, a bad disk, or somebody with a grudge does to the broker's files. Mosquitto 2.0 drops
// its checks for most of them at the next SIGHUP, 2.1 ends; both must end well.
type fault struct {
	name string
	do   func(w *world) error
}

// mended bounds how long the payer may be without a reading: the gateway notices within a slot, the broker is started
// again after 0.3 s, clients come back after a second.
const mended = 8 * time.Second

func (w *world) edit(name string, change func(string) string) error {
	data, err := os.ReadFile(w.file(name))
	if err != nil {
		return err
	}
	changed := change(string(data))
	if changed == string(data) {
		return fmt.Errorf("the fault changes nothing in %s", name)
	}
	return os.WriteFile(w.file(name), []byte(changed), 0o600)
}

func without(name, line string) func(*world) error {
	return func(w *world) error {
		return w.edit(name, func(s string) string { return strings.Replace(s, line, "", 1) })
	}
}

func unreadable(name string) fault {
	return fault{name + " unreadable", func(w *world) error { return os.Chmod(w.file(name), 0) }}
}

func removed(name string) fault {
	return fault{name + " deleted", func(w *world) error { return os.Remove(w.file(name)) }}
}

var aclFaults = []fault{
	removed("acl"),
	unreadable("acl"),
	{"acl truncated", func(w *world) error {
		return w.edit("acl", func(s string) string { return s[:strings.Index(s, live)+3] })
	}},
	{"acl a directory", func(w *world) error {
		if err := os.Remove(w.file("acl")); err != nil {
			return err
		}
		return os.MkdirAll(filepath.Join(w.file("acl"), "full"), 0o700)
	}},
	{"acl a symbolic link", func(w *world) error {
		if err := os.Rename(w.file("acl"), w.file("elsewhere")); err != nil {
			return err
		}
		return os.Symlink("elsewhere", w.file("acl"))
	}},
	{"acl with one bad line", func(w *world) error {
		return w.edit("acl", func(s string) string { return s + "garbage\n" })
	}},
}

var otherFaults = []fault{
	{"acl with one line too many", func(w *world) error {
		return w.edit("acl", func(s string) string { return "topic readwrite #\n" + s })
	}},
	{"acl without the denial of sensor/live", without("acl", "topic deny sensor/live\n")},
	removed("passwd"),
	{"passwd emptied", func(w *world) error { return os.Truncate(w.file("passwd"), 0) }},
	{"passwd garbled", func(w *world) error {
		return w.edit("passwd", func(s string) string { return strings.ReplaceAll(s, "$7$", "\x00\xff") })
	}},
	{"mosquitto.conf without acl_file", func(w *world) error {
		return w.edit("mosquitto.conf", func(s string) string { return strings.Replace(s, "acl_file ", "# ", 1) })
	}},
	{"mosquitto.conf without password_file", func(w *world) error {
		return w.edit("mosquitto.conf", func(s string) string { return strings.Replace(s, "password_file ", "# ", 1) })
	}},
}

func TestBrokenACLGivesNothingAwayAndMendsItself(t *testing.T) {
	t.Parallel()
	start(t).suffer(aclFaults)
}

func TestBrokenAccountsOrConfGiveNothingAwayAndMendThemselves(t *testing.T) {
	t.Parallel()
	start(t).suffer(otherFaults)
}

// Root reads whatever its mode is; a broker that runs as anybody else does not.
func TestUnreadableFilesGiveNothingAwayWithoutRoot(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	p := built.plain
	if os.Geteuid() == 0 {
		p = asNobody(t, state)
	}
	w := begin(t, p, state)
	w.people()
	w.suffer([]fault{unreadable("acl"), unreadable("passwd"), unreadable("mosquitto.conf")})
}

// asNobody is the program run by the user nobody, to whom the state directory is given.
func asNobody(t *testing.T, state string) wattgatetest.Program {
	t.Helper()
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skipf("SKIPPED unreadable files: %v (apt install util-linux)", err)
	}
	const nobody = 65534
	if err := os.Chown(state, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(filepath.Dir(built.plain.Path), "as-nobody")
	text := fmt.Sprintf("#!/bin/sh\nexec setpriv --reuid=%d --regid=%d --clear-groups %s \"$@\"\n", nobody, nobody, built.plain.Path)
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	p := built.plain
	p.Path = script
	return p
}

// suffer does one fault after the other, each with the SIGHUP of a stranger right behind it.
func (w *world) suffer(faults []fault) {
	t := w.t
	for _, f := range faults {
		broker := w.broker()
		w.afterSlot()
		done := time.Now()
		if err := f.do(w); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		if err := hangUp(broker); err != nil {
			t.Fatal(err)
		}
		tls, plain := w.served(done, mended)
		t.Logf("%-40s the payer reads again after %5d ms over TLS, %5d ms with mosquitto_sub", f.name, tls.Milliseconds(), plain.Milliseconds())
		if st := w.serving(5 * time.Second); st.Broker.PID == broker {
			t.Errorf("%s: the broker that may have dropped its checks still runs", f.name)
		}
		if got := stolen(w.stranger.messages("")); len(got) > 0 {
			t.Errorf("%s: the stranger received %d paid messages, the first %+v", f.name, len(got), got[0])
		}
		if c, err := wattgatetest.Connect(w.MQTT, wattgatetest.Login{Name: w.login.Name, Password: "wrong-" + w.login.Password}); err == nil {
			c.Close()
			t.Errorf("%s: any password is good", f.name)
		}
	}
}
