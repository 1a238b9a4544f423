//go:build linux

package e2e

import (
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

func TestCtrlCEndsEveryProcessAndNothingIsForgotten(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	g := startIn(t, built.plain, state)
	jane := g.addOwner("jane")
	a := newBuyer(t).buy(g)
	before := g.connect(a.login(), "sensor/live")
	if _, err := before.Await(t.Context(), 10*time.Second, 6, "sensor/live"); err != nil {
		t.Fatal(err)
	}
	orders, payments, grants := g.orders(), g.payments(), g.grants()
	gatewayPID, brokerPID := g.Children()
	if brokerPID == 0 || brokerPID != g.status().Broker.PID {
		t.Errorf("status says the broker is %d, it is %d", g.status().Broker.PID, brokerPID)
	}

	began := time.Now()
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	t.Logf("Ctrl-C took %s", time.Since(began))
	for _, pid := range []int{gatewayPID, brokerPID, g.PID()} {
		if wattgatetest.Alive(pid) {
			t.Errorf("process %d is still there", pid)
		}
	}
	for _, address := range []string{g.MQTT, g.Web} {
		_, host, _ := strings.Cut(address, "//")
		if c, err := net.DialTimeout("tcp", host, time.Second); err == nil {
			_ = c.Close()
			t.Errorf("somebody still answers at %s", address)
		}
	}
	if r := g.Run(t.Context(), "status"); r.Code != 3 {
		t.Errorf("status of a gateway that does not run must exit with 3\n%s", r)
	}

	again := startIn(t, built.plain, state)
	if !reflect.DeepEqual(again.orders(), orders) || !reflect.DeepEqual(again.payments(), payments) || !reflect.DeepEqual(again.grants(), grants) {
		t.Errorf("the books changed over a restart:\n%+v\n%+v\n%+v\nbefore:\n%+v\n%+v\n%+v",
			again.orders(), again.payments(), again.grants(), orders, payments, grants)
	}
	after := again.connect(a.login(), "sensor/live")
	again.connect(jane, "sensor/live")
	if _, err := after.Await(t.Context(), 10*time.Second, 3, "sensor/live"); err != nil {
		t.Fatal(err)
	}
	stream := readStream(t, append(before.Messages("sensor/live"), after.Messages("sensor/live")...))
	if first, last := stream[0], stream[len(stream)-1]; *first.Run == *last.Run || last.EnergyWh == nil {
		t.Errorf("a new run must have a new name and know the energy: %v, then %v (%v Wh)", *first.Run, *last.Run, last.EnergyWh)
	}

	second, err := wattgatetest.LaunchDemo(built.plain, state)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.AwaitReady(t.Context()); err == nil || !second.Log.Contains("another demo") {
		t.Errorf("a second demo on the same state must say what is wrong: %v", err)
		_ = second.Stop()
	}
}

func TestEndedGrantStaysEndedOverARestart(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	g := startIn(t, built.plain, state, "--period", "3s")
	a := newBuyer(t).buy(g)
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	until(t, a.End)
	again := startIn(t, built.plain, state, "--period", "3s")
	if c, err := wattgatetest.Connect(again.MQTT, a.login()); err == nil {
		c.Close()
		t.Error("a grant that ended while nobody was there came back")
	}
	if grants := again.grants(); len(grants) != 1 || grants[0].State != "ended" {
		t.Errorf("the grant must be ended: %+v", grants)
	}
}

func TestDemosSideBySideFindOnlyTheirOwnPlugs(t *testing.T) {
	t.Parallel()
	counts := []int{1, 2, 3}
	var demos []*gateway
	for _, n := range counts {
		demos = append(demos, start(t, "--plugs", string(rune('0'+n))))
	}
	owner := map[string]int{}
	for i, g := range demos {
		type plug struct {
			Serial string
			Counts bool
			State  string
		}
		var plugs []plug
		g.read(&plugs, "plugs")
		own := 0
		for _, p := range plugs {
			if !p.Counts {
				continue
			}
			own++
			if other, taken := owner[p.Serial]; taken {
				t.Errorf("plug %s counts for demos %d and %d", p.Serial, other, i)
			}
			owner[p.Serial] = i
		}
		if own != counts[i] {
			t.Errorf("a demo of %d plugs counts %d: %+v", counts[i], own, plugs)
		}
		s := g.subscribe(g.addOwner("jane"), "sensor/live")
		got, err := s.Await(t.Context(), 5*time.Second, 1, "sensor/live")
		if err != nil {
			t.Fatal(err)
		}
		if l := readLive(t, got[0].Payload); *l.Of != counts[i] || *l.Plugs != counts[i] {
			t.Errorf("a demo of %d plugs publishes %s", counts[i], got[0].Payload)
		}
	}
}
