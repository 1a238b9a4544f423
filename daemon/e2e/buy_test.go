//go:build linux

package e2e

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// promisedEnd is how long after the end of a grant its connection may stand.
const promisedEnd = time.Second

// awaitLost waits until the broker has closed a connection, and checks that it did so at the end: not before, and not
// more than the promised second after.
func awaitLost(t *testing.T, c *wattgatetest.Client, end time.Time) {
	t.Helper()
	select {
	case <-c.Lost():
	case <-time.After(time.Until(end) + promisedEnd + 5*time.Second):
		t.Fatal("the connection still stands 6 s after the end of the grant")
	}
	late := c.LostAt().Sub(end)
	t.Logf("the connection was closed %s after the end", late)
	if late < 0 || late > promisedEnd+measuringSlack {
		t.Errorf("the connection was closed %s after the end of the grant; promised: within %s", late, promisedEnd)
	}
}

func TestBuyerReadsTwiceASecondUntilTheEndAndNoLonger(t *testing.T) {
	t.Parallel()
	g := start(t, "--period", "6s")
	a := newBuyer(t).buy(g, "--periods", "1")
	checkAccess(t, g, a, 6*time.Second)

	reader := g.subscribe(a.login(), "sensor/live", "sensor/live/w")
	timed := g.connect(a.login(), "sensor/live", "wattgate/grants/"+a.Username)
	awaitLost(t, timed, a.End)

	stream := readStream(t, reader.Messages("sensor/live"))
	withoutGaps(t, stream)
	seconds := a.End.Sub(a.Start).Seconds() - 1
	if len(stream) < int(2*seconds)-1 {
		t.Errorf("%d messages in %g s, promised two a second", len(stream), seconds)
	}
	if last := stream[len(stream)-1].at; last.After(a.End.Add(promisedEnd + measuringSlack)) {
		t.Errorf("a reading of %s came to a grant that ended at %s", last, a.End)
	}
	for _, m := range reader.Messages("sensor/live/w") {
		var w float64
		if err := json.Unmarshal([]byte(m.Payload), &w); err != nil {
			t.Errorf("sensor/live/w must be a bare number, got %q", m.Payload)
		}
	}
	if own := timed.Messages("wattgate/grants/" + a.Username); len(own) == 0 || !strings.Contains(own[0].Payload, `"active"`) {
		t.Errorf("a buyer must read the state of his own grant, got %v", own)
	}

	if c, err := wattgatetest.Connect(g.MQTT, a.login()); err == nil {
		c.Close()
		t.Error("the password still works after the end")
	}
	select {
	case <-reader.Ended():
	case <-time.After(5 * time.Second):
		t.Error("mosquitto_sub still runs 5 s after its password ended")
	}
}

func checkAccess(t *testing.T, g *gateway, a access, paid time.Duration) {
	t.Helper()
	if len(a.Order) != 64 || !regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{2,31}$`).MatchString(a.Username) || len(a.Password) < 20 {
		t.Errorf("order, username or password look wrong: %q, %q, %d characters", a.Order, a.Username, len(a.Password))
	}
	if got := a.End.Sub(a.Start); got != paid {
		t.Errorf("the grant lasts %s, paid were %s", got, paid)
	}
	if ago := time.Since(a.Start); ago < 0 || ago > 3*time.Second {
		t.Errorf("the time must begin with the proof, it began %s ago", ago)
	}
	if a.Broker != g.MQTT || !slices.Contains(a.Topics, "sensor/live") {
		t.Errorf("broker %q, topics %v", a.Broker, a.Topics)
	}
}

func TestSecondPurchaseBeforeTheEndExtendsWithoutDisconnecting(t *testing.T) {
	t.Parallel()
	g := start(t, "--period", "4s")
	b := newBuyer(t)
	first := b.buy(g, "--periods", "1")
	c := g.connect(first.login(), "sensor/live")
	second := b.buy(g, "--periods", "1")
	if second.Username != first.Username || second.Password != first.Password {
		t.Fatalf("renewing made another account: %q, then %q", first.Username, second.Username)
	}
	if second.Order == first.Order || !second.End.Equal(first.End.Add(4*time.Second)) {
		t.Errorf("the end moved from %s to %s, paid was one period of 4 s", first.End, second.End)
	}
	awaitLost(t, c, second.End)
	stream := readStream(t, c.Messages("sensor/live"))
	withoutGaps(t, stream)
	if len(stream) < 11 {
		t.Errorf("%d messages in two periods of 4 s", len(stream))
	}
	if n := len(g.grants()); n != 1 {
		t.Errorf("%d grants, a renewal must extend the one", n)
	}
}

func TestWatchPrintsTheStreamAndExitsWith5AtTheEnd(t *testing.T) {
	t.Parallel()
	g := start(t, "--period", "4s")
	record := filepath.Join(t.TempDir(), "record.jsonl")
	r := newBuyer(t).program.Run(t.Context(), "buy", g.MQTT, "--wallet", "sandbox", "--json", "--watch", "--record", record)
	if r.Code != 5 {
		t.Errorf("the access ended: promised is exit code 5\n%s", r)
	}
	dec := json.NewDecoder(strings.NewReader(r.Out))
	var a access
	if err := dec.Decode(&a); err != nil {
		t.Fatalf("the access does not come first: %v\n%s", err, r)
	}
	var got []wattgatetest.Message
	for {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the stream is not one JSON document after the other: %v\n%s", err, r)
		}
		got = append(got, wattgatetest.Message{Payload: string(raw)})
	}
	withoutGaps(t, readStream(t, got))
	if len(got) < 6 {
		t.Errorf("%d messages in 4 s", len(got))
	}
	recorded, err := os.ReadFile(record)
	if err != nil || !strings.HasSuffix(r.Out, string(recorded)) || strings.Count(string(recorded), "\n") != len(got) {
		t.Errorf("the record is not what was printed: %v\n%s", err, recorded)
	}
}

func TestBuyKilledAfterPayingGoesOnAndPaysOnce(t *testing.T) {
	t.Parallel()
	c := startCrashing(t)
	b := newBuyer(t)
	// The gateway dies when it has the payment, and the demo, stopped, does not start it again until the buyer is dead.
	c.arm("payment stored")
	if err := syscall.Kill(c.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	cmd, said := b.begin(c.gateway, "--wallet", "sandbox")
	eventually(t, 10*time.Second, func() error {
		_, err := os.Stat(c.at())
		return expect(err != nil, "nothing was paid:\n"+said.String())
	})
	kill(cmd)
	if err := syscall.Kill(c.PID(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	c.died("payment stored")
	a := b.buy(c.gateway)
	if p := c.payments(); len(p) != 1 || p[0].Order != a.Order {
		t.Errorf("promised is one payment, of order %s: %+v", a.Order, p)
	}
	c.checkGrant(a, time.Hour)
}

func TestBuyKilledBeforePayingLeavesAnOrderThatCanBePaidByHand(t *testing.T) {
	t.Parallel()
	g := start(t)
	b := newBuyer(t)
	cmd, said := b.begin(g) // without a wallet
	says(t, said, 10*time.Second, "waiting for the payment")
	kill(cmd)
	payByHand(t, g, said.String(), "500")
	eventually(t, 5*time.Second, func() error {
		return expect(len(g.grants()) == 1, "the payment bought no grant")
	})
	a := b.buy(g) // has a wallet, and must not use it
	if p := g.payments(); len(p) != 1 || p[0].Order != a.Order {
		t.Errorf("promised is one payment: %+v", p)
	}
	c := g.connect(a.login(), "sensor/live")
	if _, err := c.Await(t.Context(), 5*time.Second, 2, "sensor/live"); err != nil {
		t.Error(err)
	}
}
