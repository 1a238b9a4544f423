//go:build linux

package accept

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/snap/local/vm"
)

// serveLimit is how long the gateway may take to serve again, emulated on a busy machine.
const serveLimit = 2 * time.Minute

// ask runs an owner's command with --json as root and reads the answer.
func (w *world) ask(v any, command string) error {
	r, err := w.g.Exec(w.ctx, vm.Command{Line: "wattgate " + command + " --json"})
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(r.Stdout), v); err != nil {
		return fmt.Errorf("wattgate %s: exit %d, %w\n%s%s", command, r.Code, err, r.Stdout, r.Stderr)
	}
	return nil
}

func (w *world) status() control.Status {
	w.t.Helper()
	var st control.Status
	if err := w.ask(&st, "status"); err != nil {
		w.t.Fatal(err)
	}
	return st
}

// serves waits until the gateway is in a state, with the rights proven and the plug read.
func (w *world) serves(state string) control.Status {
	w.t.Helper()
	var st control.Status
	w.eventually(serveLimit, func() error {
		st = control.Status{}
		if err := w.ask(&st, "status"); err != nil {
			return err
		}
		if st.State != state || !st.Broker.Proven || st.Plugs.Current != 1 {
			return fmt.Errorf("not %s with one plug yet: %+v", state, st)
		}
		return nil
	})
	return st
}

func (w *world) grants() []control.Grant {
	w.t.Helper()
	var out []control.Grant
	if err := w.ask(&out, "grants"); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) payments() []control.Payment {
	w.t.Helper()
	var out []control.Payment
	if err := w.ask(&out, "payments"); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// addUser makes an owner's user and returns the password.
func (w *world) addUser(name string) string {
	w.t.Helper()
	var made control.NewGrant
	if err := w.ask(&made, "grants add "+name+" --forever"); err != nil {
		w.t.Fatal(err)
	}
	return made.Password
}

// fromOutside is a line of mosquitto_sub's arguments run in the plugs' network, where the gateway is another machine.
func (w *world) fromOutside(arguments string) vm.Result {
	w.t.Helper()
	return w.as(vm.Root, "ip netns exec plugs mosquitto_sub -h "+vm.HomeAddress+" -F '%t %p' "+arguments)
}

// active fails the test unless both services are.
func (w *world) active() {
	w.t.Helper()
	services, err := w.g.Services(w.ctx, "wattgate")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, name := range []string{"mosquitto", "daemon"} {
		if s := services[name]; s.Current != "active" || s.Startup != "enabled" {
			w.t.Fatalf("the service %s is %+v", name, s)
		}
	}
}

// confined fails the test unless both services run as the unprivileged user, under their own profile, behind a filter.
func (w *world) confined() {
	w.t.Helper()
	processes, err := w.g.Processes(w.ctx, "wattgate")
	if err != nil {
		w.t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range processes {
		seen[p.Label] = true
		if p.User != "snap_daemon" || p.Mode != "enforce" || p.Seccomp != "2" {
			w.t.Errorf("a process is not confined: %+v", p)
		}
		w.t.Logf("%s: %d KiB resident, %s", p.Label, p.RSS, p.Args)
	}
	if !seen["snap.wattgate.daemon"] || !seen["snap.wattgate.mosquitto"] || len(seen) != 2 {
		w.t.Errorf("the processes run under %v", seen)
	}
}

// expectIn is an error unless text holds all of want.
func expectIn(text string, want ...string) error {
	var missing []string
	for _, s := range want {
		if !strings.Contains(text, s) {
			missing = append(missing, fmt.Sprintf("%q", s))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return errors.New("no " + strings.Join(missing, ", ") + " in:\n" + text)
}
