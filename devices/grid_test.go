package devices

import (
	"testing"
	"time"
)

func TestGrid(t *testing.T) {
	epoch := time.Now()
	const step = 500 * time.Millisecond
	g := grid{start: epoch, step: step}
	if got := g.next(epoch.Add(-time.Hour)); !got.Equal(epoch) {
		t.Errorf("before the start: %v", got.Sub(epoch))
	}
	if got := g.next(epoch.Add(1200 * time.Millisecond)); got.Sub(epoch) != 3*step {
		t.Errorf("after 1.2 s: %v", got.Sub(epoch))
	}
	if got := g.next(epoch.Add(2 * step)); got.Sub(epoch) != 3*step {
		t.Errorf("on a slot: %v", got.Sub(epoch))
	}
	for _, tt := range []struct {
		took    time.Duration
		next    time.Duration
		skipped uint64
	}{
		{0, step, 0},
		{120 * time.Millisecond, step, 0},
		{step, step, 0},
		{step + 1, 2 * step, 1},
		{700 * time.Millisecond, 2 * step, 1},
		{2 * time.Second, 5 * step, 4},
	} {
		next, skipped := g.after(epoch, epoch.Add(tt.took))
		if next.Sub(epoch) != tt.next || skipped != tt.skipped {
			t.Errorf("a reading of %v: next after %v, %d skipped; want %v, %d", tt.took, next.Sub(epoch), skipped, tt.next, tt.skipped)
		}
	}
}

func TestPhasesSpreadPlugsOverTheInterval(t *testing.T) {
	epoch := time.Now()
	var thirds [3]int
	for i := range 300 {
		g := newGrid(epoch, "uuid:Insight-1_0-"+string(rune('A'+i%26))+string(rune('A'+i/26)), 500*time.Millisecond)
		d := g.start.Sub(epoch)
		if d < 0 || d >= 500*time.Millisecond {
			t.Fatalf("phase %v", d)
		}
		thirds[d*3/(500*time.Millisecond)]++
	}
	for i, n := range thirds {
		if n < 50 {
			t.Errorf("third %d of the interval has %d of 300 plugs", i, n)
		}
	}
}

func TestPause(t *testing.T) {
	for n, want := range []time.Duration{2, 4, 8, 16, 32, 60, 60, 60} {
		want *= time.Second
		if got := pause(n, 0.5); got != want {
			t.Errorf("attempt %d: %v, want %v", n, got, want)
		}
		if low, high := pause(n, 0), pause(n, 1); low != want*8/10 || high != want*12/10 {
			t.Errorf("attempt %d: %v to %v", n, low, high)
		}
	}
	if got := pause(1e6, 0.5); got != time.Minute {
		t.Errorf("after a week: %v", got)
	}
}
