//go:build linux

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

func TestNobodyButTheGatewayPublishes(t *testing.T) {
	t.Parallel()
	g := start(t, "--average-every", "1s")
	a := newBuyer(t).buy(g)
	jane := g.addOwner("jane")
	all := []string{"#", "$canary/#"}
	readers := map[string]*wattgatetest.Subscriber{
		"anonymous": g.subscribe(anonymous, all...),
		"a buyer":   g.subscribe(a.login(), all...),
		"an owner":  g.subscribe(jane, all...),
	}
	const forged = "forged-by-a-stranger"
	topics := []string{
		"sensor/live", "sensor/live/w", "sensor/1m", "sensor/plug/p-aaaaaa/live", "wattgate/offer", "wattgate/status",
		"wattgate/availability", "wattgate/replies/somebody", "wattgate/grants/" + a.Username, "$canary/paid", "$canary/free", "elsewhere",
	}
	for _, topic := range topics {
		for _, who := range []wattgatetest.Login{anonymous, a.login(), jane} {
			for _, retain := range []bool{false, true} {
				if err := wattgatetest.Publish(t.Context(), g.MQTT, who, topic, forged, retain); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	// The stream goes on behind the forged messages, so they had their time to arrive.
	seen := len(readers["a buyer"].Messages("sensor/live"))
	if _, err := readers["a buyer"].Await(t.Context(), 5*time.Second, seen+2, "sensor/live"); err != nil {
		t.Fatal(err)
	}
	readers["a newcomer"] = g.subscribe(anonymous, all...)
	if _, err := readers["a newcomer"].Await(t.Context(), 3*time.Second, 1, "wattgate/offer"); err != nil {
		t.Error(err)
	}
	for who, s := range readers {
		for _, m := range s.Messages() {
			if strings.Contains(m.Payload, forged) {
				t.Errorf("%s got %s: %s", who, m.Topic, m.Payload)
			}
		}
	}
	if st := g.status(); st.State != "serving" {
		t.Errorf("the forger moved the gateway to %s: %v", st.State, st.Reasons)
	}
}

func TestNonsenseOrdersDoNotStopTheNextBuyer(t *testing.T) {
	t.Parallel()
	g := start(t)
	for _, junk := range []string{"{}", "\x01", strings.Repeat("\x01", 2048), strings.Repeat("x", 5000), "\x01\x00\nERROR  forged line"} {
		if err := wattgatetest.Publish(t.Context(), g.MQTT, anonymous, "wattgate/orders", junk, true); err != nil {
			t.Logf("the broker refused %d bytes: %v", len(junk), err)
		}
	}
	a := newBuyer(t).buy(g)
	c := g.connect(a.login(), "sensor/live")
	if _, err := c.Await(t.Context(), 5*time.Second, 2, "sensor/live"); err != nil {
		t.Error(err)
	}
	if g.Log.Contains("forged line") {
		t.Error("what a stranger sent stands in the log")
	}
	if st := g.status(); st.State != "serving" {
		t.Errorf("nonsense moved the gateway to %s: %v", st.State, st.Reasons)
	}
}

func TestForeignPaymentIsKeptAndBuysNothing(t *testing.T) {
	t.Parallel()
	g := start(t)
	ledger := g.status().Ledger
	if code, text := payOnce(t, g, ledger.Address, "500", "no-such-order"); code != 200 {
		t.Fatalf("cannot pay: %d %s", code, text)
	}
	eventually(t, 5*time.Second, func() error {
		return expect(len(g.payments()) == 1, "the deposit is not listed")
	})
	if p := g.payments()[0]; p.Order != "" || p.Note == "" || p.Amount != "0.0005" {
		t.Errorf("a deposit without an order must be listed as such, and why: %+v", p)
	}
	if n := len(g.grants()); n != 0 {
		t.Errorf("it bought %d grants", n)
	}
	// Its owner can still be found: the payment is assigned by hand, once.
	b := newBuyer(t)
	cmd, said := b.begin(g)
	says(t, said, 10*time.Second, "waiting for the payment")
	order := g.orders()[0].Hash
	if r := g.Run(t.Context(), "payments", "assign", "1", order); r.Code != 0 {
		t.Fatalf("cannot assign\n%s", r)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the buyer was not served: %v\n%s", err, said)
	}
	if r := g.Run(t.Context(), "payments", "assign", "1", order); r.Code != 1 {
		t.Errorf("a payment must be assigned once only\n%s", r)
	}
}
