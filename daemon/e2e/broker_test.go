//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

func TestBrokerRestartLosesOnlyTheSlotsBetween(t *testing.T) {
	t.Parallel()
	g := start(t)
	a := newBuyer(t).buy(g)
	reader := g.subscribe(a.login(), "sensor/live")
	if _, err := reader.Await(t.Context(), 5*time.Second, 3, "sensor/live"); err != nil {
		t.Fatal(err)
	}
	_, old := g.Children()
	killed := time.Now()
	if err := g.SignalBroker(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() error {
		st := g.status()
		return expect(st.Broker.PID != 0 && st.Broker.PID != old && st.State == "serving", fmt.Sprintf("not serving again: %+v", st))
	})
	t.Logf("serving again %s after the broker was killed", time.Since(killed))

	says(t, g.Log, time.Second, "broker lost")
	newcomer := g.subscribe(anonymous, "#")
	for _, topic := range []string{"wattgate/availability", "wattgate/status", "wattgate/offer", "sensor/1m"} {
		got, err := newcomer.Await(t.Context(), 3*time.Second, 1, topic)
		if err != nil {
			t.Fatalf("not retained again: %v", err)
		}
		if !got[0].Retained {
			t.Errorf("%s must be retained again", topic)
		}
	}
	if got := newcomer.Messages("wattgate/availability")[0].Payload; got != "online" {
		t.Errorf("availability is %q", got)
	}

	// mosquitto_sub comes back by itself, with the password it has.
	before := len(reader.Messages("sensor/live"))
	if _, err := reader.Await(t.Context(), 10*time.Second, before+3, "sensor/live"); err != nil {
		t.Fatal(err)
	}
	stream := readStream(t, reader.Messages("sensor/live"))
	if first, last := stream[0], stream[len(stream)-1]; *first.Run != *last.Run {
		t.Errorf("the gateway must go on, not start again: run %s, then %s", *first.Run, *last.Run)
	}
	var gap time.Duration
	for i := 1; i < len(stream); i++ {
		gap = max(gap, stream[i].at.Sub(stream[i-1].at))
	}
	t.Logf("the longest gap in the stream was %s", gap)
	if gap > 8*time.Second {
		t.Errorf("a restart of the broker cost %s of the stream", gap)
	}
	if grants := g.grants(); len(grants) != 1 || !grants[0].End.Equal(a.End) {
		t.Errorf("the grant changed: %+v", grants)
	}
}

func TestGatewayKilledIsOfflineAndBuyersKeepTheirConnection(t *testing.T) {
	t.Parallel()
	g := start(t)
	watch := g.connect(anonymous, "wattgate/availability")
	a := newBuyer(t).buy(g)
	reader := g.connect(a.login(), "sensor/live")
	if _, err := reader.Await(t.Context(), 5*time.Second, 2, "sensor/live"); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	if err := g.SignalGateway(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	said, err := watch.Await(t.Context(), 10*time.Second, 3, "wattgate/availability")
	if err != nil {
		t.Fatalf("%v; it said %+v", err, said)
	}
	if said[1].Payload != "offline" || said[1].At.Sub(killed) > time.Second+measuringSlack || said[2].Payload != "online" {
		t.Errorf("the last will must say offline at once, the next run online: %+v, killed at %s", said, killed)
	}
	t.Logf("offline %s after the kill, online %s after it", said[1].At.Sub(killed), said[2].At.Sub(killed))

	seen := len(reader.Messages("sensor/live"))
	if _, err := reader.Await(t.Context(), 10*time.Second, seen+3, "sensor/live"); err != nil {
		t.Fatal(err)
	}
	if at := reader.LostAt(); !at.IsZero() {
		t.Errorf("the buyer lost his connection at %s: the broker must outlive the gateway", at)
	}
	all := reader.Messages("sensor/live")
	run := *readLive(t, all[0].Payload).Run
	next := slices.IndexFunc(all, func(m wattgatetest.Message) bool { return *readLive(t, m.Payload).Run != run })
	if next < 0 {
		t.Fatal("the next run of the gateway must have another name")
	}
	withoutGaps(t, readStream(t, all[:next]))
	withoutGaps(t, readStream(t, all[next:]))
}
