//go:build linux

package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

func TestAtLevelPrivateStrangersGetNoReadingAndTheOwnersUserAll(t *testing.T) {
	t.Parallel()
	g := start(t, "--average-every", "1s")
	before := g.subscribe(anonymous, "#")
	if _, err := before.Await(t.Context(), 5*time.Second, 2, "sensor/1m"); err != nil {
		t.Fatal(err)
	}
	paid := newBuyer(t).buy(g)
	buyer := g.connect(paid.login(), "sensor/live")

	g.reload(map[string]any{"publish.level": "private"})
	lowered := time.Now()
	eventually(t, 5*time.Second, func() error {
		return expect(g.status().State == "private", "the state is not private")
	})
	until(t, lowered.Add(promisedEnd))
	after := g.subscribe(anonymous, "#", "sensor/1m", "sensor/live", "+/1m")
	jane := g.subscribe(g.addOwner("jane"), "#")
	checkOwnerSeesAll(t, jane)

	for _, m := range jane.Messages() {
		if isReading(m) && m.Retained {
			t.Errorf("a private reading is retained, so the broker's files alone keep it from strangers: %s", m.Topic)
		}
	}
	for _, m := range before.Messages() {
		if isReading(m) && m.At.After(lowered.Add(promisedEnd)) {
			t.Errorf("a stranger who was there before still gets %s: %s", m.Topic, m.Payload)
		}
	}
	for _, m := range after.Messages() {
		if isReading(m) {
			t.Errorf("a stranger gets %s (retained: %t): %s", m.Topic, m.Retained, m.Payload)
		}
	}
	if len(after.Messages("wattgate/availability")) == 0 {
		t.Error("a stranger must still see whether the gateway is there")
	}
	if len(after.Messages("wattgate/offer")) != 0 {
		t.Error("a private gateway must offer nothing")
	}
	if at := buyer.LostAt(); at.IsZero() || at.Sub(lowered) > promisedEnd+measuringSlack {
		t.Errorf("a buyer is a stranger too: his connection ended at %v, lowered at %v", at, lowered)
	}
	if code, body := g.get("/api/v1/average"); code != 403 {
		t.Errorf("the web front still tells the averages: %d %s", code, body)
	}
	if r := newBuyer(t).program.Run(t.Context(), "buy", g.MQTT, "--wallet", "sandbox"); r.Code != 5 {
		t.Errorf("buying from a private gateway must end with exit code 5\n%s", r)
	}
}

// isReading leaves out the empty message that takes a retained one back.
func isReading(m wattgatetest.Message) bool {
	return strings.HasPrefix(m.Topic, "sensor/") && m.Payload != ""
}

// checkOwnerSeesAll waits until an owner's user has read everything there is.
func checkOwnerSeesAll(t *testing.T, jane *wattgatetest.Subscriber) {
	t.Helper()
	for _, topic := range []string{"sensor/live", "sensor/live/w", "sensor/1m"} {
		if _, err := jane.Await(t.Context(), 5*time.Second, 2, topic); err != nil {
			t.Error(err)
		}
	}
	kinds := map[string]int{}
	own := regexp.MustCompile(`^sensor/plug/p-[a-z0-9]{6}/(live|live/w|1m)$`)
	for _, m := range jane.Messages() {
		if kind := own.FindStringSubmatch(m.Topic); kind != nil {
			kinds[kind[1]]++
		} else if strings.HasPrefix(m.Topic, "sensor/plug/") && !strings.HasSuffix(m.Topic, "/1m/w") {
			t.Errorf("a plug's topic must carry neither serial nor name: %s", m.Topic)
		}
	}
	if kinds["live"] < 2 || kinds["live/w"] < 2 || kinds["1m"] < 2 {
		t.Errorf("the owner's user does not see single plugs: %v", kinds)
	}
}
