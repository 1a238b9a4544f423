package acl_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/wattgate/wattgate/acl"
)

// BenchmarkCheck is the price of asking before each slot.
func BenchmarkCheck(b *testing.B) {
	be := open(b, nil)
	be.apply(policy())
	for b.Loop() {
		if v := be.check(); v.State != acl.Open {
			b.Fatal(v)
		}
	}
}

// BenchmarkApply is the time from a changed policy to its proof, and the
// longest that a check took meanwhile: the gap a subscriber sees.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			be := open(b, nil)
			grants := make([]acl.Account, n)
			for i := range grants {
				grants[i], _ = account(b, fmt.Sprintf("user-%d", i))
			}
			be.apply(policy(grants...))
			done := make(chan struct{})
			longest := make(chan time.Duration)
			go func() {
				var most time.Duration
				for {
					select {
					case <-done:
						longest <- most
						return
					default:
					}
					start := time.Now()
					be.check()
					most = max(most, time.Since(start))
				}
			}()
			for i := 0; b.Loop(); i++ {
				be.apply(policy(grants[i%2:]...))
			}
			close(done)
			b.ReportMetric(float64((<-longest).Microseconds())/1000, "ms-longest-check")
		})
	}
}
