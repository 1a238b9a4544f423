package daemon

import (
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/config"
)

func TestFloodClosesTheTopicLongerEachTime(t *testing.T) {
	var f flood
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	press := func(d time.Duration) (judged bool) {
		for end := now.Add(d); now.Before(end); now = now.Add(ordersEvery) {
			judged = f.judge(now, true) || judged
		}
		return judged
	}
	if press(floodedFor) {
		t.Error("a burst is no flood yet")
	}
	f.judge(now, false)
	if press(floodedFor) || f.now(now) {
		t.Error("two bursts with a pause between are no flood")
	}
	f.judge(now, false)
	for _, want := range []time.Duration{closedFirst, 2 * closedFirst, 4 * closedFirst} {
		if !press(floodedFor + 2*ordersEvery) {
			t.Fatalf("no flood, wanted %s", want)
		}
		if left := f.until().Sub(now); left > want || left < want-time.Second {
			t.Errorf("closed for %s more, want %s", left, want)
		}
		if press(floodedFor * 2) {
			t.Error("what was on its way makes no second flood")
		}
		now = f.until()
	}
	now = f.until().Add(time.Hour)
	if f.now(now) || !press(floodedFor+2*ordersEvery) || f.until().Sub(now) > closedFirst {
		t.Error("after an hour of peace a flood is a first one")
	}
	for range 20 {
		now = f.until()
		press(floodedFor + 2*ordersEvery)
	}
	if left := f.until().Sub(now); left > closedMost {
		t.Errorf("closed for %s", left)
	}
}

func TestFloodedOrdersMayNotBeWritten(t *testing.T) {
	open := policyFor(audience{level: config.Live, selling: true}, nil)
	closed := policyFor(audience{level: config.Live, selling: true, flooded: true}, nil)
	if len(open.Orders) != 1 || len(closed.Orders) != 0 || len(closed.PerClient) != 1 {
		t.Errorf("open %v, closed %v; who ordered must still be answered: %v", open.Orders, closed.Orders, closed.PerClient)
	}
}
