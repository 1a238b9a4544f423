//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// priceOf reads the price from the retained offer.
func priceOf(t *testing.T, offer string) string {
	t.Helper()
	var o struct {
		Products []struct {
			Price struct{ Amount string }
		}
	}
	if err := json.Unmarshal([]byte(offer), &o); err != nil || len(o.Products) != 1 {
		t.Fatalf("not an offer with one product: %v %s", err, offer)
	}
	return o.Products[0].Price.Amount
}

func TestBadConfigurationLeavesTheOldOneInForce(t *testing.T) {
	t.Parallel()
	g := start(t)
	before := g.subscribe(anonymous, "wattgate/offer")
	if _, err := before.Await(t.Context(), 2*time.Second, 1, "wattgate/offer"); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(g.ConfigFile())
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Reload(map[string]any{"publish.level": "public", "price.amount": "0.9", "price.perriod": "2h"}); err != nil {
		t.Fatal(err)
	}
	says(t, g.Log, 5*time.Second, "configuration refused, the old one stays in force")
	for _, said := range []string{"publish.level", "price.perriod", "price.period"} {
		says(t, g.Log, time.Second, said)
	}
	if err := os.WriteFile(g.ConfigFile(), []byte("{ this is not JSON"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.SignalGateway(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() error {
		return expect(strings.Count(g.Log.String(), "configuration refused") == 2, "the second one was not refused")
	})
	if st := g.status(); st.Level != "live" || st.State == "withheld" {
		t.Errorf("the old configuration must stay in force: %+v", st)
	}
	after := g.subscribe(anonymous, "wattgate/offer")
	got, err := after.Await(t.Context(), 2*time.Second, 1, "wattgate/offer")
	if err != nil {
		t.Fatal(err)
	}
	if price := priceOf(t, got[0].Payload); price != "0.0005" {
		t.Errorf("the price became %s", price)
	}
	if err := os.WriteFile(g.ConfigFile(), good, 0o600); err != nil {
		t.Fatal(err)
	}
	g.reload(nil) // and a good one is taken again
}

func TestNewPriceMakesANewOfferAndAnOpenOrderKeepsItsPrice(t *testing.T) {
	t.Parallel()
	g := start(t)
	offers := g.subscribe(anonymous, "wattgate/offer")
	b := newBuyer(t)
	cmd, said := b.begin(g)
	says(t, said, 10*time.Second, "pay 0.0005 IOTA")
	g.reload(map[string]any{"price.amount": "0.002"})
	got, err := offers.Await(t.Context(), 5*time.Second, 2, "wattgate/offer")
	if err != nil {
		t.Fatal(err)
	}
	if was, is := priceOf(t, got[0].Payload), priceOf(t, got[1].Payload); was != "0.0005" || is != "0.002" {
		t.Errorf("the offers said %s, then %s", was, is)
	}
	payByHand(t, g, said.String(), "500")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the old order was not served: %v\n%s", err, said)
	}
	grants := g.grants()
	if len(grants) != 1 || grants[0].End == nil || grants[0].End.Sub(*grants[0].Start) != time.Hour {
		t.Errorf("the order was made for an hour at the old price: %+v", grants)
	}
	a := newBuyer(t).buy(g)
	if a.End.Sub(a.Start) != time.Hour {
		t.Errorf("the new order bought %s", a.End.Sub(a.Start))
	}
	if p := g.payments(); len(p) != 2 || p[1].Amount != "0.002" {
		t.Errorf("the new order must cost the new price: %+v", p)
	}
}

func TestLevelsChangeWithoutDisconnectingWhoHasPaid(t *testing.T) {
	t.Parallel()
	g := start(t)
	a := newBuyer(t).buy(g)
	c := g.connect(a.login(), "sensor/live")
	stranger := g.subscribe(anonymous, "#")
	if _, err := stranger.Await(t.Context(), 2*time.Second, 1, "sensor/1m"); err != nil {
		t.Fatal(err)
	}
	g.reload(map[string]any{"publish.level": "average"})
	seen := len(c.Messages("sensor/live"))
	if _, err := c.Await(t.Context(), 10*time.Second, seen+4, "sensor/live"); err != nil {
		t.Fatal(err)
	}
	if r := newBuyer(t).program.Run(t.Context(), "buy", g.MQTT, "--wallet", "sandbox"); r.Code != 5 {
		t.Errorf("at level average nothing is sold\n%s", r)
	}
	g.reload(map[string]any{"publish.level": "live"})
	newBuyer(t).buy(g)
	seen = len(c.Messages("sensor/live"))
	if _, err := c.Await(t.Context(), 10*time.Second, seen+2, "sensor/live"); err != nil {
		t.Fatal(err)
	}
	if at := c.LostAt(); !at.IsZero() {
		t.Errorf("who has paid was disconnected at %s", at)
	}
	withoutGaps(t, readStream(t, c.Messages("sensor/live")))
	for _, m := range stranger.Messages() {
		if strings.HasPrefix(m.Topic, "sensor/live") {
			t.Errorf("a stranger got %s", m.Topic)
		}
	}
}

func TestMovedPortIsTakenWithoutAStart(t *testing.T) {
	t.Parallel()
	g := start(t)
	a := newBuyer(t).buy(g)
	port := freePort(t)
	g.reload(map[string]any{"broker.listen": "127.0.0.1:" + port})
	eventually(t, 15*time.Second, func() error {
		c, err := wattgatetest.Connect("mqtt://127.0.0.1:"+port, a.login(), "sensor/live")
		if err == nil {
			c.Close()
		}
		return err
	})
	eventually(t, 10*time.Second, func() error {
		return expect(g.status().State == "serving", "not serving after the port moved")
	})
}
