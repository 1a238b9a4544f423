//go:build linux

package gate

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// What a hostile public brings: as many connections as the plain listener takes, half as many that flood orders, and a
// machine that allows a process 1,024 open files, as systemd and login shells do.
const (
	floodConnections = 1000
	floodOrders      = 500
	usualOpenFiles   = 1024
)

// oneSlot is how much later than before a flood a reading may come.
const oneSlot = 500 * time.Millisecond

// Not parallel: times are what it is about.
func TestFloodDelaysNobodyWhoPaid(t *testing.T) {
	w := begin(t, withOpenFiles(t, usualOpenFiles), stateDir(t))
	w.people()
	w.withMetrics()
	broker := w.broker()
	gateway, _ := w.Children()
	calm := w.lateness(10 * time.Second)
	memory := w.memory()

	flood := w.occupy(floodConnections - floodOrders)
	start, stop := w.floodOrders(floodOrders)
	w.payerGetsIn(t)
	crowded := w.lateness(10 * time.Second)
	t.Logf("%d strangers on #: the payer's readings came %s; before %s", flood+floodOrders, crowded, calm)

	start()
	onset := w.lateness(4 * time.Second)
	flooded := w.lateness(12 * time.Second)
	w.payerGetsIn(t)
	sent := stop()
	t.Logf("%d of them flood orders, %s: at first the readings came %s, then %s", floodOrders, sent, onset, flooded)
	after := w.memory()
	t.Logf("memory in MiB, before and after: gateway %.1f, %.1f; broker %.1f, %.1f", memory[0], after[0], memory[1], after[1])

	if crowded.worst > calm.worst+oneSlot || flooded.worst > calm.worst+oneSlot {
		t.Errorf("the flood delays the payer by more than a slot")
	}
	// Until the topic of orders is closed, which takes half a second of flood and a reload.
	if onset.worst > 3*time.Second {
		t.Errorf("the begin of the flood delayed the payer by %s", onset.worst)
	}
	if grown := after[0] - memory[0]; grown > 8 {
		t.Errorf("the flood let the gateway grow by %.1f MiB", grown)
	}
	st, err := w.status()
	if err != nil || !st.Serving() || !strings.Contains(strings.Join(st.Reasons, " "), "flooded") {
		t.Errorf("the owner must learn of the flood: %v %+v", err, st)
	}
	if now, _ := w.Children(); now != gateway || w.broker() != broker || w.payer.losses() > 0 {
		t.Error("load alone restarted something, or cost the payer the connection")
	}
	w.login = w.buyOverHTTP()
	w.payerGetsIn(t)
}

// withOpenFiles is the program started with a soft limit on open files.
func withOpenFiles(t *testing.T, n int) wattgatetest.Program {
	t.Helper()
	script := filepath.Join(t.TempDir(), "limited")
	if err := os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\nulimit -S -n %d && exec %s \"$@\"\n", n, built.plain.Path), 0o755); err != nil {
		t.Fatal(err)
	}
	p := built.plain
	p.Path = script
	return p
}

// payerGetsIn fails if somebody who paid cannot come in over TLS.
func (w *world) payerGetsIn(t *testing.T) {
	t.Helper()
	began := time.Now()
	for range 50 {
		c, err := wattgatetest.Connect(w.overTLS(), w.login, live)
		if err != nil {
			t.Fatalf("who has paid does not get in over TLS beside the flood: %v", err)
		}
		defer c.Close()
	}
	t.Logf("50 more connections over TLS took %d ms", time.Since(began).Milliseconds())
}

// lateness is how long after the time they carry live readings came.
type lateness struct {
	median, worst time.Duration
	n             int
}

func (l lateness) String() string {
	return fmt.Sprintf("%.1f ms (median), at worst %.1f ms behind their slots (%d)", ms(l.median), ms(l.worst), l.n)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// lateness measures what the payer receives from now on.
func (w *world) lateness(during time.Duration) lateness {
	w.t.Helper()
	began := time.Now()
	pass(w.t, during)
	var late []time.Duration
	for _, m := range w.payer.messages(live) {
		if m.At.After(began) {
			late = append(late, m.At.Sub(slotOf(w.t, m.Payload)))
		}
	}
	slices.Sort(late)
	if wanted := int(during / oneSlot); len(late) < wanted-2 {
		w.t.Errorf("only %d of %d readings came", len(late), wanted)
	}
	if len(late) == 0 {
		w.t.Fatal("no reading came")
	}
	return lateness{late[len(late)/2], late[len(late)-1], len(late)}
}

// memory is what gateway and broker hold, in MiB.
func (w *world) memory() (resident [2]float64) {
	w.t.Helper()
	gateway, broker := w.Children()
	for i, pid := range []int{gateway, broker} {
		n, err := wattgatetest.ResidentBytes(pid)
		if err != nil {
			w.t.Fatal(err)
		}
		resident[i] = float64(n) / (1 << 20)
	}
	return resident
}

// occupy makes anonymous connections on #, and returns how many the listener took.
func (w *world) occupy(n int) (stand int) {
	w.t.Helper()
	for range n {
		if _, err := dialRaw(w.t, w.MQTT, connection{subscribed: []string{"#"}}); err == nil {
			stand++
		}
	}
	if stand < n*9/10 {
		w.t.Fatalf("only %d of %d connections of the flood stand", stand, n)
	}
	return stand
}

// buyOverHTTP orders where no flood of MQTT is in the way, pays, and returns the login.
func (w *world) buyOverHTTP() wattgatetest.Login {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.Web+"/api/v1/orders",
		bytes.NewReader(sealedOrder(w.t, w.offer(), "", "by-http")))
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		w.t.Fatal(err)
	}
	v, err := billing.VerifyInvoice(raw, w.fingerprint())
	if err != nil {
		w.t.Fatalf("no invoice over HTTP: %v\n%s", err, raw)
	}
	if err := pay(w.t, w.Web, v); err != nil {
		w.t.Fatal(err)
	}
	login := wattgatetest.Login{Name: "by-http", Password: chosen}
	eventually(w.t, 5*time.Second, func() error {
		c, err := wattgatetest.Connect(w.overTLS(), login)
		if err == nil {
			c.Close()
		}
		return err
	})
	return login
}

// Load is no disobedience: a broker that stands still for a while under a flood is waited for.
func TestStallUnderAFloodRestartsNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	broker := w.broker()
	w.occupy(floodConnections)
	w.afterSlot()
	if err := syscall.Kill(broker, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	pass(t, 5*time.Second)
	if err := syscall.Kill(broker, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	woken := time.Now()
	tls, plain := w.served(woken, mended)
	t.Logf("the payer reads again %d ms over TLS, %d ms on the plain listener, after the stall", tls.Milliseconds(), plain.Milliseconds())
	w.serving(5 * time.Second)
	if w.broker() != broker || w.payer.losses() > 0 {
		t.Error("a stalled broker under load was restarted")
	}
}
