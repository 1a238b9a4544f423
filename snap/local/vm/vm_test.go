//go:build linux

package vm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestGuest is the life of one machine with a snap that asks what it may do: each part goes on where the one before ended.
func TestGuest(t *testing.T) {
	if !strings.Contains(os.Getenv("WATTGATE_REQUIRE"), "vm") {
		t.Skip("SKIPPED, NOT TESTED: the virtual machine (WATTGATE_REQUIRE=vm runs it, in five minutes)")
	}
	image, err := Prepare(t.Context(), os.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	installed, err := withProbe(t.Context(), image, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	g, err := installed.Resume(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	w := &world{g: g}
	if w.began, err = g.MarkJournal(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct {
		law string
		run func(*testing.T, *world)
	}{
		{"a confined snap runs", snapIsHeld},
		{"settings arrive as they were written", settingsArrive},
		{"people reach the service", peopleReachTheService},
		{"what is refused is seen", refusalsAreSeen},
		{"a plug is found over multicast", plugIsFound},
		{"the guest reaches nothing outside", guestIsAlone},
		{"a power cut keeps what was flushed", powerCut},
		{"a day in 1970", dayIn1970},
		{"a reboot", reboots},
		{"refusals are remembered across boots", refusalsAcrossBoots},
		{"it shuts down", shutsDown},
	} {
		if !t.Run(part.law, func(t *testing.T) { part.run(t, w) }) {
			t.Fatalf("the rest builds on it; the console's end:\n%s", tail(g.Console(), 30))
		}
	}
}

// world is what the parts hand on to each other.
type world struct {
	g        *Guest
	began    Mark
	provoked int // readings of /etc/shadow that were refused
}

// must runs a line as root.
func (w *world) must(t *testing.T, line string) string {
	t.Helper()
	out, err := w.g.Must(t.Context(), line)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// answers runs a line as a user and returns the probe's answers by question; the first one counts.
func (w *world) answers(t *testing.T, user User, line string) map[string]string {
	t.Helper()
	r, err := w.g.RunAs(t.Context(), user, line)
	if err != nil || r.Code != 0 {
		t.Fatalf("%s: %+v %v", line, r, err)
	}
	t.Log(line + "\n" + r.Stdout)
	all := map[string]string{}
	for line := range strings.Lines(r.Stdout) {
		question, answer, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if _, known := all[question]; !known {
			all[question] = answer
		}
	}
	return all
}

// provoke has the snap read what it must not.
func (w *world) provoke(t *testing.T) {
	t.Helper()
	w.provoked++
	w.must(t, "probe.fail")
}

// shadows counts the refusals of /etc/shadow since a mark.
func (w *world) shadows(t *testing.T, since Mark) int {
	t.Helper()
	all, err := w.g.Refusals(t.Context(), since)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range all {
		if r.Fields["name"] == "/etc/shadow" && r.concerns("probe") {
			n++
		}
	}
	return n
}

func snapIsHeld(t *testing.T, w *world) {
	services, err := w.g.Services(t.Context(), "probe")
	if err != nil || services["gate"] != (Service{"enabled", "active", "-"}) {
		t.Fatalf("%+v %v", services, err)
	}
	w.must(t, "for i in $(seq 60); do journalctl -b -o cat -u snap.probe.gate | grep -q ^listening: && exit 0; sleep 1; done; exit 1")
	processes, err := w.g.Processes(t.Context(), "probe")
	if err != nil || len(processes) != 1 {
		t.Fatalf("%+v %v", processes, err)
	}
	if p := processes[0]; p.User != "snap_daemon" || p.Label != "snap.probe.gate" || p.Mode != "enforce" || p.Seccomp != "2" {
		t.Errorf("not held as it should be: %+v", p)
	}
	gate := w.answers(t, Root, "journalctl -b -o cat -u snap.probe.gate")
	for question, want := range map[string]string{
		"setgroups(0, NULL)": "<nil>", "setresgid(snap_daemon)": "<nil>", "setresuid(snap_daemon)": "<nil>", "F_SETLK": "<nil>",
		"setuid(0) afterwards": "operation not permitted", "root reads the given $SNAP_DATA/run/private": "open /var/snap/probe/x1/run/private: permission denied",
	} {
		if gate[question] != want {
			t.Errorf("%s: %q, want %q", question, gate[question], want)
		}
	}
	t.Log(w.must(t, "cat /var/snap/probe/current/hook.log"))
}

// withProbe is the machine with the probe installed, frozen: the same probe is installed once.
func withProbe(ctx context.Context, image *Image, dir string) (*Image, error) {
	prime := filepath.Join(dir, "prime")
	program := filepath.Join(prime, "bin", "probe")
	if err := build(ctx, "./probe", program); err != nil {
		return nil, err
	}
	hooks := filepath.Join(prime, "meta", "hooks")
	if err := os.MkdirAll(hooks, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(hooks, "configure"), []byte("#!/bin/sh\nset -e\nexec \"$SNAP/bin/probe\" hook\n"), 0o755); err != nil {
		return nil, err
	}
	meta, err := os.ReadFile("probe/snap.yaml")
	if err != nil {
		return nil, err
	}
	return image.Frozen(ctx, "probe", []string{program, "probe/snap.yaml"}, func(g *Guest) error {
		file := filepath.Join(dir, "probe_1_amd64.snap")
		if err := Pack(ctx, prime, file, string(meta)); err != nil {
			return err
		}
		_, err := g.Install(ctx, file)
		return err
	})
}

// build compiles a program as it stands in a snap: without anything it could be linked against.
func build(ctx context.Context, program, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", out, program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build %s: %w\n%s", program, err, text)
	}
	return nil
}

func settingsArrive(t *testing.T, w *world) {
	w.must(t, `snap set probe group.amount=0.00050 group.exponent=1e-3 group.flag=true group.list='["a","b"]' group.words=a,b stranger.key=1`)
	log := w.must(t, "cat /var/snap/probe/current/hook.log")
	hook := log[strings.LastIndex(log, "get -d '' group other:"):]
	for _, want := range []string{`"amount": 0.00050`, `"exponent": 1e-3`, `"flag": true`, `"words": "a,b"`, `"stranger": {`, `"": {`} {
		if !strings.Contains(hook, want) {
			t.Errorf("%s is not in what the hook was told: %s", want, hook)
		}
	}
	if !strings.Contains(log[strings.LastIndex(log, "\nsocket: "):], "Uid:0 Gid:0") {
		t.Errorf("the hook did not reach the service: %s", log)
	}
	r, err := w.g.RunAs(t.Context(), Root, "snap set probe wrong=yes group.amount=1")
	if err != nil || r.Code != 1 || !strings.Contains(r.Stderr, `wrong: "yes" is refused on purpose`) {
		t.Errorf("%+v %v", r, err)
	}
	if got := w.must(t, "snap get probe group.amount"); got != "0.00050" {
		t.Errorf("after a refused change the amount is %s", got)
	}
	const since = "systemctl show -P ActiveEnterTimestampMonotonic snap.probe.gate"
	before := w.must(t, since)
	w.must(t, "snap set probe restart=now")
	if after := w.must(t, since); after == before {
		t.Errorf("the hook's restart did not happen: active since %s", after)
	}
	t.Log(w.must(t, "grep ^restart: /var/snap/probe/current/hook.log; snap unset probe restart"))
}

func peopleReachTheService(t *testing.T, w *world) {
	w.must(t, "for i in $(seq 60); do probe < /dev/null | grep -q '^socket: you are' && exit 0; sleep 1; done; exit 1")
	owner := w.answers(t, Owner, "echo words | snap run probe")
	if !strings.Contains(owner["socket"], "Uid:1000 Gid:1000") || owner["standard input"] != `"words\n" <nil>` {
		t.Errorf("%v", owner)
	}
	sudo := w.answers(t, Owner, "echo words | sudo snap run probe")
	if !strings.Contains(sudo["socket"], "Uid:0 Gid:0") || sudo["standard input"] != `"words\n" <nil>` {
		t.Errorf("%v", sudo)
	}
}

func refusalsAreSeen(t *testing.T, w *world) {
	mark, err := w.g.MarkJournal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := w.shadows(t, mark); n != 0 {
		t.Errorf("%d refusals before anything was asked", n)
	}
	w.provoke(t)
	if n := w.shadows(t, mark); n != 1 {
		t.Errorf("%d refusals of one reading", n)
	}
	all, err := w.g.Refusals(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, r := range all {
		if r.concerns("probe") {
			said = append(said, strings.Join([]string{r.Kind, r.Fields["profile"] + r.Fields["subj"], r.Fields["operation"], r.Fields["name"], r.Fields["capname"], r.Fields["syscall"], r.Fields["peer"]}, " "))
		}
	}
	slices.Sort(said)
	t.Logf("refused to the probe so far:\n%s", strings.Join(slices.Compact(said), "\n"))
	// What the guard is for: a call that seccomp caught is seen as well.
	if !slices.ContainsFunc(all, func(r Refusal) bool { return r.Kind == "seccomp" && r.Fields["syscall"] == "116" }) {
		t.Error("the call setgroups(1, …) that the service made was not seen to be refused")
	}
}

func plugIsFound(t *testing.T, w *world) {
	program := filepath.Join(t.TempDir(), "wattgate")
	if err := build(t.Context(), "../../../daemon/cmd/wattgate", program); err != nil {
		t.Fatal(err)
	}
	if err := w.g.Home(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.g.Plug(t.Context(), program, "fridge", "--serial 221517K0000001"); err != nil {
		t.Fatal(err)
	}
	w.must(t, "for i in $(seq 60); do grep -q 221517K0000001 /run/background/fridge.out && exit 0; sleep 1; done; exit 1")
	if err := w.g.Unplug(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if found := w.answers(t, Root, "probe.search"); found["answer"] != "" {
		t.Errorf("the plug answers without a cable: %v", found)
	}
	if err := w.g.Unplug(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if found := w.answers(t, Root, "probe.search"); !strings.HasPrefix(found["answer"], "HTTP/1.1 200 OK from "+PlugAddress+":") {
		t.Errorf("the plug was not found: %v", found)
	}
	if err := w.g.End(t.Context(), "fridge"); err != nil {
		t.Fatal(err)
	}
	if active, err := w.g.Active(t.Context(), "fridge"); err != nil || active {
		t.Errorf("the plug goes on: %v %v", active, err)
	}
}

// Unrestricted, QEMU's network has this machine at 10.0.2.2, and there the port that leads to the guest's own sshd.
func guestIsAlone(t *testing.T, w *world) {
	line := fmt.Sprintf("timeout 10 bash -c 'exec 3<>/dev/tcp/10.0.2.2/%d && head -c 4 <&3'", w.g.machine.port)
	said, _, code, err := w.g.Run(t.Context(), line)
	if err != nil || code == 0 || said != "" {
		t.Errorf("the guest reached this machine: %q %d %v", said, code, err)
	}
}
