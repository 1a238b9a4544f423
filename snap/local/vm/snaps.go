//go:build linux

package vm

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// Install installs a snap file without a signature, or refreshes the snap to it if it is installed, and says how long snapd
// took. flags go to `snap install`.
func (g *Guest) Install(ctx context.Context, file string, flags ...string) (time.Duration, error) {
	took, r, err := g.TryInstall(ctx, file, flags...)
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("cannot install %s: %s%s", file, r.Stdout, r.Stderr)
	}
	return took, err
}

// TryInstall is Install of a snap that may be refused.
func (g *Guest) TryInstall(ctx context.Context, file string, flags ...string) (time.Duration, Result, error) {
	there := "/root/" + filepath.Base(file)
	if err := g.Put(ctx, file, there); err != nil {
		return 0, Result{}, err
	}
	start := time.Now()
	r, err := g.Exec(ctx, Command{Line: "snap install --dangerous " + strings.Join(flags, " ") + " " + Quote(there)})
	took := time.Since(start)
	if err != nil {
		return took, r, err
	}
	step(g.log, "snap install "+filepath.Base(file), start)
	_, err = g.Must(ctx, "rm "+Quote(there))
	return took, r, err
}

// Service is one line of `snap services`.
type Service struct {
	Startup string // "enabled" or "disabled"
	Current string // "active" or "inactive"
	Notes   string
}

// Services are a snap's services by their names in snapcraft.yaml.
func (g *Guest) Services(ctx context.Context, snap string) (map[string]Service, error) {
	out, err := g.Must(ctx, "snap services "+Quote(snap))
	if err != nil {
		return nil, err
	}
	return parseServices(out), nil
}

func parseServices(table string) map[string]Service {
	all := map[string]Service{}
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 4 || f[0] == "Service" {
			continue
		}
		_, name, found := strings.Cut(f[0], ".")
		if !found {
			name = f[0] // a service named like its snap
		}
		all[name] = Service{f[1], f[2], strings.Join(f[3:], " ")}
	}
	return all
}

// Process is a process of a snap.
type Process struct {
	PID     int
	User    string
	Label   string // AppArmor's profile, e.g. "snap.wattgate.daemon"
	Mode    string // of the profile: "enforce" or "complain"; empty if unconfined
	RSS     int    // KiB
	Seccomp string // "2" while a filter is in force
	Args    string
}

// Processes are those that AppArmor holds under a profile of the snap, and those that run its programs without one.
func (g *Guest) Processes(ctx context.Context, snap string) ([]Process, error) {
	out, err := g.Must(ctx, "ps -eo pid=,user:32=,rss=,label=,args= ww")
	if err != nil {
		return nil, err
	}
	all := parseProcesses(out, snap)
	for i := range all {
		line := fmt.Sprintf("awk '/^Seccomp:/{print $2}' /proc/%d/status", all[i].PID)
		if all[i].Seccomp, err = g.Must(ctx, line); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func parseProcesses(table, snap string) []Process {
	var all []Process
	for line := range strings.Lines(table) {
		var p Process
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		if _, err := fmt.Sscan(f[0]+" "+f[2], &p.PID, &p.RSS); err != nil {
			continue
		}
		p.User, p.Label, f = f[1], f[3], f[4:]
		// "label (mode)" is two words, "unconfined" one.
		if mode, found := strings.CutPrefix(f[0], "("); found && strings.HasSuffix(mode, ")") {
			p.Mode, f = strings.TrimSuffix(mode, ")"), f[1:]
		}
		p.Args = strings.Join(f, " ")
		if strings.HasPrefix(p.Label, "snap."+snap+".") || strings.HasPrefix(p.Args, "/snap/"+snap+"/") {
			all = append(all, p)
		}
	}
	return all
}

// Background starts a line in a user's shell that goes on by itself, as a unit of systemd. What it prints is kept in
// /run/background/NAME.out and .err, line by line as it comes. name is of letters, digits and "-".
func (g *Guest) Background(ctx context.Context, name string, user User, line string) error {
	unit := fmt.Sprintf("mkdir -p /run/background && systemd-run -q --collect --unit=background-%s -p User=%s "+
		"-p StandardOutput=file:/run/background/%[1]s.out -p StandardError=file:/run/background/%[1]s.err "+
		"-E SNAP_REEXEC=0 -E PATH=/usr/bin:/usr/sbin:/snap/bin sh -c %[3]s", name, user, Quote(line))
	_, err := g.Must(ctx, unit)
	return err
}

// Printed is what a line in the background has printed so far.
func (g *Guest) Printed(ctx context.Context, name string) (stdout, stderr string, err error) {
	r, err := g.Exec(ctx, Command{Line: "cd /run/background && cat " + name + ".out && cat " + name + ".err >&2"})
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("cannot read what %s printed: %s", name, r.Stderr)
	}
	return r.Stdout, r.Stderr, err
}

// End ends what Background started; it is no fault if it has ended already.
func (g *Guest) End(ctx context.Context, name string) error {
	_, err := g.Must(ctx, "systemctl stop background-"+name+" 2>/dev/null || true")
	return err
}

// Active says whether what Background started still runs.
func (g *Guest) Active(ctx context.Context, name string) (bool, error) {
	_, _, code, err := g.Run(ctx, "systemctl -q is-active background-"+name)
	return code == 0, err
}
