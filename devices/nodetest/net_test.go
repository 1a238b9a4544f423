//go:build linux

package nodetest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// net is where a program runs.
type net struct {
	namespace string // "" = here
	iface     string
	addr      string
}

// command is a program in n.
func (n net) command(name string, args ...string) *exec.Cmd {
	if n.namespace == "" {
		return exec.Command(name, args...)
	}
	return exec.Command("ip", append([]string{"netns", "exec", n.namespace, name}, args...)...)
}

// two returns two networks joined by a cable, each with a default route, which
// programs on Node need to choose an interface for multicast. ok is false where
// no namespaces can be made; both are the loopback interface then.
func two(t testing.TB) (a, b net, ok bool) {
	t.Helper()
	lo := net{iface: "lo", addr: "127.0.0.1"}
	if os.Geteuid() != 0 {
		t.Log("SKIPPED searching: network namespaces need root; the loopback interface is used")
		return lo, lo, false
	}
	pid := os.Getpid() % 100_000
	a = net{fmt.Sprintf("wga%d", pid), fmt.Sprintf("va%d", pid), "10.77.0.1"}
	b = net{fmt.Sprintf("wgb%d", pid), fmt.Sprintf("vb%d", pid), "10.77.0.2"}
	ip := func(args ...string) bool {
		out, err := exec.Command("ip", args...).CombinedOutput()
		if err != nil {
			t.Logf("ip %v: %v: %s", args, err, out)
		}
		return err == nil
	}
	t.Cleanup(func() {
		exec.Command("ip", "netns", "del", a.namespace).Run() // takes the cable with it
		exec.Command("ip", "netns", "del", b.namespace).Run()
	})
	ok = ip("netns", "add", a.namespace) && ip("netns", "add", b.namespace) &&
		ip("link", "add", a.iface, "netns", a.namespace, "type", "veth", "peer", "name", b.iface, "netns", b.namespace)
	for _, n := range []net{a, b} {
		other := a.addr
		if n == a {
			other = b.addr
		}
		ok = ok && ip("-n", n.namespace, "link", "set", "lo", "up") &&
			ip("-n", n.namespace, "addr", "add", n.addr+"/24", "dev", n.iface) &&
			ip("-n", n.namespace, "link", "set", n.iface, "up") &&
			ip("-n", n.namespace, "route", "add", "default", "via", other)
	}
	if !ok {
		missing(t, "no network namespaces can be made here")
	}
	for _, n := range []net{a, b} {
		n.await(t)
	}
	return a, b, true
}

// await waits until the cable is recognised at this end: Node overlooks an
// interface that is not running when it starts.
func (n net) await(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; <-time.After(20 * time.Millisecond) {
		out, err := exec.Command("ip", "-n", n.namespace, "link", "show", n.iface).CombinedOutput()
		if err == nil && strings.Contains(string(out), "state UP") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not up: %v %s", n.iface, err, out)
		}
	}
}

// read returns the first lines of what a program says.
func read(t testing.TB, out io.Reader, lines int) []string {
	t.Helper()
	var got []string
	for in := bufio.NewScanner(out); len(got) < lines && in.Scan(); {
		got = append(got, in.Text())
	}
	if len(got) < lines {
		t.Fatalf("%d of %d lines: %q", len(got), lines, got)
	}
	return got
}
