package front_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wattgate/wattgate/daemon/front"
)

// count asks n times at once and counts the answers that are not 429.
func count(h http.Handler, n int, peer string) int {
	served := 0
	for range n {
		if ask(h, "GET", "/api/x", "Peer: "+peer).StatusCode != http.StatusTooManyRequests {
			served++
		}
	}
	return served
}

func TestOneVisitorsFloodIsHisOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t, front.Options{Limits: front.Limits{Rate: 10, Burst: 20}})
		const flooder, other = "203.0.113.9:5", "203.0.113.10:5"
		if n := count(f, 50, flooder); n != 20 {
			t.Errorf("%d at once, want 20", n)
		}
		if n := count(f, 20, other); n != 20 {
			t.Errorf("somebody else gets %d of 20", n)
		}
		time.Sleep(time.Second)
		if n := count(f, 50, flooder); n != 10 {
			t.Errorf("%d after a second, want 10", n)
		}
		time.Sleep(time.Hour)
		if n := count(f, 50, flooder); n != 20 {
			t.Errorf("%d after an hour, want 20: saving up is bounded", n)
		}
		if s := f.Stats(); s.Limited != 30+40+30 {
			t.Errorf("%d counted", s.Limited)
		}
	})
}

func TestFloodIsToldWhenToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t, front.Options{Limits: front.Limits{Rate: 0.25, Burst: 1}})
		ask(f, "GET", "/")
		res := ask(f, "GET", "/")
		if got := res.Header.Get("Retry-After"); got != "4" {
			t.Errorf("Retry-After %q, want 4", got)
		}
		wantRefusal(t, res, http.StatusTooManyRequests, "too-many-requests")
		time.Sleep(4 * time.Second)
		if res := ask(f, "GET", "/"); res.StatusCode != 200 {
			t.Errorf("when told to: %s", res.Status)
		}
	})
}

func TestNetworkOfIPv6IsOneVisitor(t *testing.T) {
	f := newFront(t, front.Options{Limits: front.Limits{Rate: 1e-9, Burst: 10}})
	served := 0
	for i := range 30 {
		served += count(f, 1, fmt.Sprintf("[2001:db8:0:7::%x]:5", i))
	}
	if served != 10 {
		t.Errorf("%d addresses of a network are served, want 10", served)
	}
	if n := count(f, 10, "[2001:db8:0:8::1]:5"); n != 10 {
		t.Errorf("the neighbours get %d of 10", n)
	}
}

// What a flood from many addresses can take is bounded, and who was there before keeps his place.
func TestManyVisitorsTakeBoundedMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t, front.Options{Limits: front.Limits{Rate: 1, Burst: 5, Visitors: 100}})
		for i := range 100 {
			if n := count(f, 1, fmt.Sprintf("203.0.113.%d:5", i)); n != 1 {
				t.Fatalf("visitor %d is not served", i)
			}
		}
		served := 0
		for i := range 1000 {
			served += count(f, 1, fmt.Sprintf("198.51.%d.%d:5", i/256, i%256))
		}
		if served != 5 {
			t.Errorf("beyond the bound %d are served, want the 5 of one visitor", served)
		}
		if n := count(f, 5, "203.0.113.7:5"); n != 4 {
			t.Errorf("who was there before has %d left, want 4", n)
		}
		time.Sleep(10 * time.Second)
		for _, peer := range []string{"198.51.200.1:5", "198.51.200.2:5"} {
			if n := count(f, 10, peer); n != 5 {
				t.Errorf("after a pause the new visitor %s gets %d, want 5: the old ones are to be forgotten", peer, n)
			}
		}
	})
}

func TestVisitorBehindProxyHasHisOwnLimit(t *testing.T) {
	f := newFront(t, front.Options{TrustedProxies: []string{"127.0.0.1"}, Limits: front.Limits{Rate: 1e-9, Burst: 1}})
	for _, visitor := range []string{"198.51.100.7", "198.51.100.8"} {
		for i, want := range []int{200, 429} {
			if res := ask(f, "GET", "/", "Peer: 127.0.0.1:5", "X-Forwarded-For: "+visitor); res.StatusCode != want {
				t.Errorf("request %d of %s: %s, want %d", i, visitor, res.Status, want)
			}
		}
	}
}
