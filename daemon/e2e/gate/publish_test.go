//go:build linux

package gate

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// forged is what strangers publish.
const forged = "forged-by-a-stranger"

func slotOf(t *testing.T, payload string) time.Time {
	t.Helper()
	var l struct {
		TS time.Time `json:"ts"`
	}
	if err := json.Unmarshal([]byte(payload), &l); err != nil {
		t.Fatalf("cannot read %s: %v", payload, err)
	}
	return l.TS
}

func TestStrangersPublishNothingThatArrives(t *testing.T) {
	t.Parallel()
	w := start(t)
	owner := wattgatetest.Login{Name: "jane"}
	var made struct{ Password string }
	if err := w.Read(t.Context(), &made, "grants", "add", owner.Name, "--forever"); err != nil {
		t.Fatal(err)
	}
	owner.Password = made.Password
	everything := []string{"#", "$canary/#", "$SYS/#", "$CONTROL/#", live}
	readers := map[string]*reader{
		"the payer": newReader(t, w.MQTT, w.login, everything...),
		"the owner": newReader(t, w.MQTT, owner, everything...),
	}
	topics := []string{
		live, live + "/w", "sensor/1m", "sensor/plug/p-aaaaaa/live", "wattgate/offer", "wattgate/status", "wattgate/availability",
		"$canary/paid", "$canary/free", "$SYS/broker/uptime", "$SYS/broker/connection/x/state", "$CONTROL/dynamic-security/v1",
	}
	for _, topic := range topics {
		for _, retain := range []bool{false, true} {
			if err := wattgatetest.Publish(t.Context(), w.MQTT, anonymous, topic, forged, retain); err != nil {
				t.Logf("the broker refused %s: %v", topic, err)
			}
		}
		// A last will is published by the broker, in the name of somebody who is gone.
		dying, err := dialRaw(t, w.MQTT, connection{will: topic})
		if err != nil { // a Mosquitto of 2.1 refuses the connection for its will
			t.Logf("the broker refused a will on %s: %v", topic, err)
			continue
		}
		_ = dying.conn.Close()
	}
	w.payer.next(t, time.Now().Add(time.Second), 5*time.Second)
	readers["a newcomer"] = newReader(t, w.MQTT, anonymous, everything...)
	readers["the stranger"] = w.stranger
	pass(t, time.Second)
	for who, r := range readers {
		for _, m := range r.messages("") {
			if strings.Contains(m.Payload, forged) {
				t.Errorf("%s received %s: %s", who, m.Topic, m.Payload)
			}
		}
	}
	if w.payer.losses() > 0 || w.Log.Contains("does not obey") {
		t.Error("what strangers publish must not look like a breach")
	}
}

// What the broker does not hold, nobody can get out of it, whatever becomes of its rights. With the gateway stopped
// the broker is opened to everybody, and shows all it has in store.
func TestBrokerHasNothingWorthMoneyInStore(t *testing.T) {
	t.Parallel()
	w := start(t)
	for range 20 {
		if err := wattgatetest.Publish(t.Context(), w.MQTT, anonymous, "wattgate/orders", forged, true); err != nil {
			t.Fatal(err)
		}
	}
	w.afterSlot()
	pass(t, 1500*time.Millisecond)
	w.afterSlot()
	if err := w.SignalGateway(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.SignalGateway(syscall.SIGCONT) })
	if err := os.WriteFile(w.file("acl"), []byte("topic readwrite #\npattern readwrite #\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.SignalBroker(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	pass(t, 500*time.Millisecond)
	looter := newReader(t, w.MQTT, anonymous, "#", "$canary/#")
	pass(t, time.Second)
	seen := map[string]bool{}
	for _, m := range looter.messages("") {
		seen[m.Topic] = true
		if isPaid(m.Topic) || m.Topic == "wattgate/orders" || strings.HasPrefix(m.Topic, "wattgate/replies/") {
			t.Errorf("the broker has %s in store: %s", m.Topic, m.Payload)
		}
	}
	// What it may have: proof that the looter saw what is there.
	if !seen["wattgate/grants/"+w.login.Name] || !seen["wattgate/offer"] {
		t.Errorf("the looter saw only %v: the broker was not open", seen)
	}
	if err := w.SignalGateway(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	woken := time.Now()
	tls, _ := w.served(woken, mended)
	t.Logf("the payer reads again %d ms after the gateway woke up", tls.Milliseconds())
	if got := stolen(looter.messages("")); len(got) > 0 {
		t.Errorf("a gateway that wakes up beside an open broker gave away %+v", got[0])
	}
}
