//go:build linux

package accept

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/snap/local/vm"
)

// TestAcceptance is the whole life of an installation, from nothing to nothing.
func TestAcceptance(t *testing.T) {
	if !strings.Contains(os.Getenv("WATTGATE_REQUIRE"), "vm") {
		t.Skip("SKIPPED, NOT TESTED: the snap under a real snapd (make snap-test runs it)")
	}
	w := newWorld(t)
	for _, stage := range stages() {
		start := time.Now()
		ok := t.Run(stage.name, func(t *testing.T) {
			w.t = t
			stage.run(w)
		})
		fmt.Printf("accept: %-28s %4.0f s\n", stage.name, time.Since(start).Seconds())
		if !ok {
			w.t = t
			w.explain()
		}
		if !ok && stage.name == stages()[0].name {
			t.Fatal("without an installation there is nothing to go on with")
		}
	}
}

// stage is one part of the test.
type stage struct {
	name string
	run  func(*world)
}

func stages() []stage {
	return []stage{
		{"installs", installs},
		{"private at first", privateAtFirst},
		{"the owner's guide", ownersGuide},
		{"settings", settings},
		{"a sale and its end", saleAndEnd},
		{"services end and return", servicesEndAndReturn},
		{"refresh", refresh},
		{"a refresh that fails", failingRefresh},
		{"revert", revert},
		{"power cut during a purchase", powerCut},
		{"a day in 1970", dayIn1970},
		{"a snapshot comes back", snapshotComesBack},
		{"nothing was refused", nothingRefused},
		{"the check can fail", checkCanFail},
		{"removes", removes},
	}
}

// The snaps of the test, by their versions.
const (
	first   = "1.0+accept"
	second  = "1.1+accept"
	failing = "1.2+accept"
)

// world is the machine and what the stages hand on to each other.
type world struct {
	t       *testing.T
	ctx     context.Context
	g       *vm.Guest
	snaps   map[string]string // files by version
	program string            // the same program outside the snap: the plug's, the buyer's
	began   vm.Mark           // where the journal stood before anything was installed
}

// The plugs in the home network. The owner's guide names the first one's serial.
const plugSerial = "221517K0000001"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), snaps: map[string]string{}}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	w.pack(root)
	image, err := vm.Prepare(w.ctx, os.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	if w.g, err = image.Resume(w.ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.g.Close)
	if w.began, err = w.g.MarkJournal(w.ctx); err != nil {
		t.Fatal(err)
	}
	// As Ubuntu has it: Debian's sudo does not look where snaps keep their commands.
	w.must(`echo 'Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin"' > /etc/sudoers.d/snap`)
	w.plugIn()
	return w
}

// pack packs the snaps the test installs, from the declarations in snapcraft.yaml.
func (w *world) pack(root string) {
	w.t.Helper()
	dir := w.t.TempDir()
	bad := filepath.Join(dir, "post-refresh")
	if err := os.WriteFile(bad, []byte("#!/bin/sh\necho 'this release cannot start' >&2\nexit 1\n"), 0o755); err != nil {
		w.t.Fatal(err)
	}
	run := func(line ...string) {
		w.t.Helper()
		cmd := exec.CommandContext(w.ctx, line[0], line[1:]...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			w.t.Fatalf("%v: %v\n%s", line, err, out)
		}
	}
	packer := filepath.Join(dir, "pack")
	run("go", "build", "-o", packer, "./snap/local/pack")
	run(packer, "--version", first, "--output", dir)
	run(packer, "--version", second, "--output", dir)
	run(packer, "--version", failing, "--hook", "post-refresh="+bad, "--output", dir)
	for _, version := range []string{first, second, failing} {
		w.snaps[version] = filepath.Join(dir, "wattgate_"+version+"_amd64.snap")
	}
	w.program = filepath.Join(dir, "wattgate")
	run("go", "build", "-trimpath", "-o", w.program, "./daemon/cmd/wattgate")
}

// plugIn makes the home network with one simulated plug in it, which is found over real multicast. It is gone after a boot.
func (w *world) plugIn() {
	w.t.Helper()
	if err := w.g.Home(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	if err := w.g.Plug(w.ctx, w.program, "plug", "--serial "+plugSerial+" --name Fridge"); err != nil {
		w.t.Fatal(err)
	}
}

// explain shows what the services said, for whoever has to find out.
func (w *world) explain() {
	for _, line := range []string{
		"snap services wattgate; snap changes | tail -5",
		"journalctl -b -q --no-pager -n 60 -u 'snap.wattgate.*'",
		"journalctl -b -q --no-pager -o cat _TRANSPORT=audit | grep -E 'DENIED|SECCOMP' | tail -20 | cut -c1-300",
	} {
		r, err := w.g.Exec(w.ctx, vm.Command{Line: line})
		w.t.Logf("$ %s\n%s%s%v", line, r.Stdout, r.Stderr, err)
	}
}

// as runs a line as a user; the test ends if the machine is broken.
func (w *world) as(user vm.User, line string) vm.Result {
	w.t.Helper()
	r, err := w.g.Exec(w.ctx, vm.Command{User: user, Line: line})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// must runs a line as root, which has to succeed, and returns what it printed.
func (w *world) must(line string) string {
	w.t.Helper()
	out, err := w.g.Must(w.ctx, line)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// eventually tries until probe has nothing to complain about.
func (w *world) eventually(within time.Duration, probe func() error) {
	w.t.Helper()
	end := time.Now().Add(within)
	for {
		err := probe()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("still after %v: %v", within, err)
		}
		select {
		case <-w.ctx.Done():
			w.t.Fatal(w.ctx.Err())
		case <-time.After(time.Second):
		}
	}
}
