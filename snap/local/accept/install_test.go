//go:build linux

package accept

import (
	"fmt"
	"strings"
	"time"

	"github.com/wattgate/wattgate/snap/local/vm"
)

// installs: in one go, both services up and confined, every plug of the snap connected by itself, no restart.
func installs(w *world) {
	took, err := w.g.Install(w.ctx, w.snaps[first])
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Logf("installed in %v", took)
	w.active()
	w.serves("private")
	w.confined()
	connections := w.must("snap connections wattgate")
	for line := range strings.Lines(connections) {
		f := strings.Fields(line)
		if len(f) < 4 || f[0] == "Interface" {
			continue
		}
		if (f[0] != "network" && f[0] != "network-bind") || !strings.HasPrefix(f[2], ":") {
			w.t.Errorf("the snap asks for %s, or it did not connect by itself", strings.TrimSpace(line))
		}
	}
	if n := strings.Count(connections, "wattgate:network"); n != 2 {
		w.t.Errorf("want network and network-bind:\n%s", connections)
	}
	for _, unit := range []string{"daemon", "mosquitto"} {
		if n := w.must("systemctl show -P NRestarts snap.wattgate." + unit); n != "0" {
			w.t.Errorf("%s was restarted %s times", unit, n)
		}
	}
	// What is of the gateway is readable by nobody else, not even by root inside the snap.
	loose := w.must(`find /var/snap/wattgate/common/state /var/snap/wattgate/current/run -perm /077 ! -type s ! -path /var/snap/wattgate/current/run`)
	if loose != "" {
		w.t.Errorf("others may look at:\n%s", loose)
	}
	if strange := w.must(`find /var/snap/wattgate/common/state /var/snap/wattgate/current/run ! -user snap_daemon`); strange != "" {
		w.t.Errorf("not the services' own:\n%s", strange)
	}
}

// privateAtFirst: before the owner has said anything strangers learn nothing, and he learns what to do next.
func privateAtFirst(w *world) {
	r := w.as(vm.Owner, "wattgate status")
	if err := expectIn(r.Stdout, "is private since", "> ", "snap set wattgate publish.level=average", "1 of 1 with a current reading"); err != nil || r.Code != 0 {
		w.t.Errorf("status, exit %d: %v", r.Code, err)
	}
	if plugs := w.must("wattgate plugs"); !strings.Contains(plugs, plugSerial) {
		w.t.Errorf("the plug was not found by multicast:\n%s", plugs)
	}
	if r := w.as(vm.Owner, "wattgate plugs"); r.Code == 0 || !strings.Contains(r.Stderr, "sudo") {
		w.t.Errorf("an ordinary user sees the plugs: %+v", r)
	}
	if r := w.fromOutside("-t '#' -W 8"); strings.Contains(r.Stdout, "sensor") {
		w.t.Errorf("a stranger reads at private:\n%s", r.Stdout)
	}
	before := w.must("snap get -d wattgate")
	if before != "{}" {
		w.t.Errorf("settings nobody made: %s", before)
	}
}

// servicesEndAndReturn: a killed service comes back, a stopped one stays down whatever is set, and says goodbye in time.
func servicesEndAndReturn(w *world) {
	for _, unit := range []string{"daemon", "mosquitto"} {
		pid := w.must("systemctl show -P MainPID snap.wattgate." + unit)
		w.must("kill -9 " + pid)
		w.eventually(time.Minute, func() error {
			if now := w.must("systemctl show -P MainPID snap.wattgate." + unit); now == pid || now == "0" {
				return fmt.Errorf("%s has pid %s", unit, now)
			}
			return nil
		})
		w.serves("serving")
	}
	w.must("snap stop wattgate")
	journal := w.must("journalctl -b -q --no-pager -o cat -u snap.wattgate.daemon -n 20")
	if err := expectIn(journal, "gateway stops"); err != nil || strings.Contains(journal, "SIGKILL") {
		w.t.Errorf("it did not end by itself: %v", err)
	}
	if r := w.as(vm.Owner, "wattgate status"); r.Code != 3 {
		w.t.Errorf("status of a stopped gateway exits with %d: %s", r.Code, r.Stderr)
	}
	w.must("snap set wattgate log.level=debug")
	services, err := w.g.Services(w.ctx, "wattgate")
	if err != nil {
		w.t.Fatal(err)
	}
	for name, s := range services {
		if s.Current != "inactive" {
			w.t.Errorf("a setting started %s, which its owner had stopped", name)
		}
	}
	w.must("snap unset wattgate log.level; snap start wattgate")
	w.serves("serving")
}

// expected is what the kernel may refuse, with reasons.
func expected() []vm.Expected {
	return []vm.Expected{
		{Kind: "apparmor", Fields: map[string]string{"operation": "open", "name": "/proc/*/mountinfo", "comm": "wattgate"},
			Why: "Go's runtime looks once, at each start, whether its control group limits the processors, and does without"},
		{Kind: "seccomp", Fields: map[string]string{"syscall": "434"}, Why: "pidfd_open: Go's runtime asks once, before it starts a program, and does without"},
	}
}

// nothingRefused: neither AppArmor nor seccomp stood in the way of anything, over the whole test.
func nothingRefused(w *world) {
	refusals, err := w.g.Refusals(w.ctx, w.began)
	if err != nil {
		w.t.Fatal(err)
	}
	bad, idle := vm.Unexpected(refusals, "wattgate", expected())
	seen := map[string]int{}
	for _, r := range bad {
		what := r.Kind + " " + r.Fields["profile"] + r.Fields["subj"] + " " + r.Fields["operation"] + " " + r.Fields["name"] + " " + r.Fields["capname"] + r.Fields["syscall"] + " " + r.Fields["comm"]
		if seen[what]++; seen[what] == 1 {
			w.t.Errorf("refused: %s", r.Text)
		}
	}
	for what, n := range seen {
		w.t.Errorf("%d times: %s", n, what)
	}
	for _, e := range idle {
		w.t.Errorf("expected, and never seen: %s %v (%s)", e.Kind, e.Fields, e.Why)
	}
}

// checkCanFail: a refusal provoked on purpose is found.
func checkCanFail(w *world) {
	mark, err := w.g.MarkJournal(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	if r := w.as(vm.Root, "snap run wattgate backup /etc/shadow-copy; snap run wattgate restore /etc/shadow"); r.Code == 0 {
		w.t.Error("the snap read what it must not")
	}
	refusals, err := w.g.Refusals(w.ctx, mark)
	if err != nil {
		w.t.Fatal(err)
	}
	if bad, _ := vm.Unexpected(refusals, "wattgate", expected()); len(bad) == 0 {
		w.t.Errorf("reading /etc/shadow left no trace in %d records", len(refusals))
	}
}

// removes: nothing stays behind.
func removes(w *world) {
	w.must("snap remove --purge wattgate")
	left := w.must(`ls -d /var/snap/wattgate /snap/wattgate /root/snap/wattgate /var/lib/snapd/apparmor/profiles/snap.wattgate.* /etc/systemd/system/snap.wattgate.* 2>/dev/null; pgrep -a mosquitto | grep -v mosquitto_sub; true`)
	if left != "" {
		w.t.Errorf("left behind:\n%s", left)
	}
}
