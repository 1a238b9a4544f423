//go:build linux

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPartPaymentGivesNoAccessUntilItIsWholeAndOverPaymentIsTime(t *testing.T) {
	t.Parallel()
	g := start(t)
	b := newBuyer(t)
	cmd, said := b.begin(g)
	says(t, said, 10*time.Second, "waiting for the payment")
	payByHand(t, g, said.String(), "200")
	eventually(t, 5*time.Second, func() error {
		return expect(g.orders()[0].State == "part-paid", "the order is not part-paid")
	})
	if n := len(g.grants()); n != 0 {
		t.Fatalf("a part of the price bought %d grants", n)
	}
	payByHand(t, g, said.String(), "550") // 750 of 500 in all: an hour and a half
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the buyer was not served: %v\n%s", err, said)
	}
	grants := g.grants()
	if len(grants) != 1 || grants[0].End == nil || grants[0].End.Sub(*grants[0].Start) != 90*time.Minute {
		t.Errorf("one and a half times the price must buy one and a half hours: %+v", grants)
	}
	if o := g.orders()[0]; o.State != "settled" || o.Paid != "0.00075" {
		t.Errorf("the order is %+v", o)
	}
}

func TestOrderStateIsPublicByItsHashAndHoldsNoSecret(t *testing.T) {
	t.Parallel()
	g := start(t)
	a := newBuyer(t).buy(g)
	code, body := g.get("/api/v1/orders/" + a.Order)
	if code != 200 || !strings.Contains(body, `"active"`) || !strings.Contains(body, `"signature"`) || strings.Contains(body, a.Password) {
		t.Errorf("the signed receipt, without the password: %d %s", code, body)
	}
	if code, body := g.get("/api/v1/orders/" + strings.Repeat("0", 64)); code != 404 || !strings.Contains(body, `"error"`) {
		t.Errorf("an unknown order: %d %s", code, body)
	}
}

func TestBuyerReadsTheSumAndSinglePlugsOnlyWhereTheOwnerSaysSo(t *testing.T) {
	t.Parallel()
	g := start(t, "--average-every", "1s")
	a := newBuyer(t).buy(g)
	buyer, stranger := g.subscribe(a.login(), "sensor/#"), g.subscribe(anonymous, "sensor/#")
	if _, err := buyer.Await(t.Context(), 5*time.Second, 3, "sensor/live"); err != nil {
		t.Fatal(err)
	}
	for _, m := range slices.Concat(buyer.Messages(), stranger.Messages()) {
		if strings.HasPrefix(m.Topic, "sensor/plug/") {
			t.Errorf("an outsider reads a single plug: %s", m.Topic)
		}
	}
	g.reload(map[string]any{"publish.per-plug": true})
	eventually(t, 5*time.Second, func() error {
		kinds := map[string]bool{}
		for _, m := range buyer.Messages() {
			if strings.HasPrefix(m.Topic, "sensor/plug/") {
				kinds[m.Topic[strings.LastIndex(m.Topic, "/p-")+9:]] = true
			}
		}
		return expect(kinds["/live"] && kinds["/1m"], "a buyer does not read single plugs")
	})
	for _, m := range stranger.Messages() {
		if strings.Contains(m.Topic, "/live") {
			t.Errorf("a stranger gets %s", m.Topic)
		}
	}
	if len(stranger.Messages()) == 0 {
		t.Error("a stranger must get the averages")
	}
}
