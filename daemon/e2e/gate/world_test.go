//go:build linux

package gate

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// live is the topic that is sold.
const live = "sensor/live"

// measuringSlack is added to every promised time: on a machine with two busy processors this process itself may be
// late by that much.
const measuringSlack = 500 * time.Millisecond

// prying is what somebody subscribes to who wants what he did not pay for.
var prying = []string{"#", live, live + "/w", "sensor/#", "sensor/plug/+/live", "$share/x/" + live, "$canary/#", "$share/y/sensor/#"}

var anonymous wattgatetest.Login

// world is a running demo with somebody who paid and somebody who did not.
type world struct {
	*wattgatetest.Demo
	t        *testing.T
	login    wattgatetest.Login       // of the payer
	payer    *reader                  // over TLS, as is advised
	sub      *wattgatetest.Subscriber // the payer once more: mosquitto_sub, on the plain listener
	stranger *reader
}

// begin starts a demo that nobody reads yet, and ends it with the test; whatever outlives it fails the test.
func begin(t *testing.T, p wattgatetest.Program, state string, args ...string) *world {
	t.Helper()
	d, err := wattgatetest.StartDemo(t.Context(), p, state, append([]string{"--plugs", "2"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the demo's log:\n%s", d.Log)
		}
	})
	return &world{Demo: d, t: t}
}

// start starts a demo with both of them connected and the payer served.
func start(t *testing.T, args ...string) *world {
	t.Helper()
	w := begin(t, built.plain, stateDir(t), args...)
	w.people()
	return w
}

// people lets them in, and ends the test with a look at what the stranger got.
func (w *world) people() {
	w.t.Helper()
	began := time.Now()
	w.login = w.buy()
	w.stranger = newReader(w.t, w.MQTT, anonymous, prying...)
	w.payer = newReader(w.t, w.overTLS(), w.login, live)
	sub, err := wattgatetest.Subscribe(w.t.Context(), w.MQTT, w.login, live)
	if err != nil {
		w.t.Fatal(err)
	}
	w.sub = sub
	w.t.Cleanup(sub.Stop)
	w.t.Cleanup(w.keptFromStrangers)
	w.payer.next(w.t, began, 10*time.Second)
}

// keptFromStrangers fails the test if the stranger got anything of what is sold, or nothing at all: a stranger who
// never got through proves nothing.
func (w *world) keptFromStrangers() {
	w.t.Helper()
	all := w.stranger.messages("")
	if got := stolen(all); len(got) > 0 {
		w.t.Errorf("the stranger received %d paid messages, the first %+v", len(got), got[0])
	}
	if len(all) == 0 {
		w.t.Error("the stranger received nothing at all, not even what is free: he was never there")
	}
}

// buy buys access with play money.
func (w *world) buy(args ...string) wattgatetest.Login {
	w.t.Helper()
	login, _ := w.buyUntil(args...)
	return login
}

// buyUntil buys access and tells when it ends.
func (w *world) buyUntil(args ...string) (wattgatetest.Login, time.Time) {
	w.t.Helper()
	p := built.plain.With("XDG_STATE_HOME=" + w.t.TempDir())
	return w.buyWith(p, args...)
}

func (w *world) buyWith(p wattgatetest.Program, args ...string) (wattgatetest.Login, time.Time) {
	w.t.Helper()
	r := p.Run(w.t.Context(), append([]string{"buy", w.MQTT, "--wallet", "sandbox", "--json"}, args...)...)
	var a struct {
		Username, Password string
		End                time.Time
	}
	if err := json.Unmarshal([]byte(r.Out), &a); err != nil || r.Code != 0 {
		w.t.Fatalf("cannot buy: %v\n%s", err, r)
	}
	return wattgatetest.Login{Name: a.Username, Password: a.Password}, a.End
}

// overTLS is the address of the TLS listener.
func (w *world) overTLS() string {
	address, _, _ := strings.Cut(w.TLS, "#")
	return address
}

// overWebSockets is the address of the broker's WebSockets listener behind the web front.
func (w *world) overWebSockets() string {
	w.t.Helper()
	data, err := os.ReadFile(w.file("listeners.json"))
	var all []struct{ Key, Address string }
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	for _, l := range all {
		if l.Key == "websockets" {
			return "ws://" + l.Address
		}
	}
	w.t.Fatalf("the broker has no WebSockets listener: %v\n%s", err, data)
	return ""
}

// file is the path of one of the broker's files.
func (w *world) file(name string) string { return filepath.Join(w.State, "mosquitto", name) }

func (w *world) status() (control.Status, error) {
	var st control.Status
	err := w.Read(w.t.Context(), &st, "status")
	return st, err
}

// serving waits until the gateway serves on proven rights, and returns its status.
func (w *world) serving(within time.Duration) control.Status {
	w.t.Helper()
	var st control.Status
	eventually(w.t, within, func() (err error) {
		if st, err = w.status(); err != nil {
			return err
		}
		return expect(st.State == control.StateServing && st.Broker.Proven, fmt.Sprintf("not serving: %+v", st))
	})
	return st
}

// broker is the pid of the broker that runs.
func (w *world) broker() int {
	w.t.Helper()
	_, pid := w.Children()
	if pid == 0 {
		w.t.Fatal("no broker runs")
	}
	return pid
}

// afterSlot waits for the next slot and until all of it has been published. A fault that is done now meets the gateway
// at the canary of the slot that follows, not in the window of two milliseconds behind one.
func (w *world) afterSlot() {
	w.t.Helper()
	w.payer.next(w.t, time.Now(), 5*time.Second)
	pass(w.t, 20*time.Millisecond)
}

// served waits until both of the payer's subscribers get live readings again that were sent after the fault, and
// returns how long each had to wait.
func (w *world) served(since time.Time, within time.Duration) (tls, plain time.Duration) {
	w.t.Helper()
	tls = w.payer.next(w.t, since, within).Sub(since)
	eventually(w.t, within, func() error {
		select {
		case <-w.sub.Ended():
			return errors.New("mosquitto_sub gave up: " + w.sub.Said.String())
		default:
		}
		for _, m := range w.sub.Messages(live) {
			if m.At.After(since) {
				plain = m.At.Sub(since)
				return nil
			}
		}
		return errors.New("mosquitto_sub gets nothing")
	})
	return tls, plain
}

// hangUp sends a SIGHUP as logrotate does, to a broker that the gateway may have ended already.
func hangUp(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// stateDir is a directory with a path short enough for a unix socket.
func stateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func eventually(t *testing.T, within time.Duration, probe func() error) {
	t.Helper()
	if err := wattgatetest.Eventually(t.Context(), within, probe); err != nil {
		t.Fatal(err)
	}
}

// expect makes an error of a condition that is not met.
func expect(ok bool, otherwise string) error {
	if ok {
		return nil
	}
	return errors.New(otherwise)
}

// pass lets real time go by: much here is about what does not happen.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
