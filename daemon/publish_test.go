package daemon

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// stepped is the moment t after somebody set the wall clock: another wall time, the same monotonic one. Nothing but a
// step of the machine's clock makes such a time, so the test takes time.Time apart; TestSteppedIsAStep watches over it.
func stepped(t time.Time, by time.Duration) time.Time {
	fields := (*struct {
		wall uint64 // 1 bit: has monotonic; 33 bits: seconds; 30 bits: nanoseconds
		ext  int64  // monotonic
		loc  *time.Location
	})(unsafe.Pointer(&t))
	const nanoBits, second = 30, int64(time.Second)
	seconds, nanos := int64(fields.wall<<1>>(nanoBits+1)), int64(fields.wall&(1<<nanoBits-1))
	total := seconds*second + nanos + int64(by)
	fields.wall = 1<<63 | uint64(total/second)<<nanoBits | uint64(total%second)
	return t
}

func TestSteppedIsAStep(t *testing.T) {
	now := time.Now()
	for _, by := range []time.Duration{time.Hour, -time.Hour, 1500 * time.Millisecond, -time.Nanosecond} {
		then := stepped(now, by)
		if wall := then.Round(0).Sub(now.Round(0)); wall != by {
			t.Fatalf("the wall clock moved by %v, want %v", wall, by)
		}
		if passed := then.Sub(now); passed != 0 {
			t.Fatalf("%v passed, want nothing", passed)
		}
	}
}

func onGrid(at time.Time) bool { return at.Equal(at.Truncate(grid)) }

func TestSlotsWithoutTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slots{run: "r"}
		time.Sleep(123 * time.Millisecond)
		first := s.next(time.Now())
		if want := time.Now().Truncate(grid).Add(grid); !first.at.Equal(want) || first.seq != 0 || first.run != "r" {
			t.Fatalf("%+v, want slot 0 at %v", first, want)
		}
		for n := range uint64(1000) {
			time.Sleep(time.Until(s.start) + time.Duration(rand.Int64N(int64(grid)-1))) // what publishing takes
			slot := s.next(time.Now())
			if want := first.at.Add(time.Duration(n+1) * grid); slot.seq != n+1 || !slot.at.Equal(want) {
				t.Fatalf("%+v, want slot %d at %v", slot, n+1, want)
			}
		}
	})
}

func TestSlotBeginsAtItsTimestamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s slots
		for range 100 {
			// Never before the slot that was handed out last: publish waits for it.
			time.Sleep(max(0, time.Until(s.start)) + time.Duration(rand.Int64N(int64(3*grid))))
			now := time.Now()
			slot := s.next(now)
			if wait := s.start.Sub(now); wait <= 0 || wait > grid || !now.Add(wait).Equal(slot.at) {
				t.Fatalf("at %v the slot of %v begins in %v", now, slot.at, wait)
			}
		}
	})
}

// A clock that is set back a little right after a slot must not have the slot published twice.
func TestSlotIsNotRepeatedWhenTheClockSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s slots
		first := s.next(time.Now())
		time.Sleep(time.Until(s.start) + grid/10)
		back := time.Now().Add(-grid / 5) // as the wall clock would say after the step
		second := s.next(back)
		if !second.at.After(first.at) || second.seq != first.seq+1 {
			t.Errorf("after %+v came %+v", first, second)
		}
	})
}

func TestSkippedSlotsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s slots
		first := s.next(time.Now())
		for _, missed := range []uint64{0, 1, 2, 7, 7200} {
			before := s.seq
			time.Sleep(time.Until(s.start) + time.Duration(missed)*grid + grid/3)
			slot := s.next(time.Now())
			if slot.seq != before+1+missed {
				t.Errorf("after %d missed slots: seq %d, want %d", missed, slot.seq, before+1+missed)
			}
			if want := first.at.Add(time.Duration(slot.seq) * grid); !slot.at.Equal(want) {
				t.Errorf("seq %d at %v, want %v", slot.seq, slot.at, want)
			}
		}
	})
}

// Whatever the machine's clock does: no number twice, every timestamp on the grid, and the count stays with the time
// that really passed.
func TestSeqSurvivesTheWallClock(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		var s slots
		start, elapsed, shift := time.Now(), time.Duration(0), time.Duration(0)
		clock := func() time.Time { return stepped(start.Add(elapsed), shift) }
		last := s.next(clock())
		origin, steps := s.start, 0
		for range 200 {
			elapsed += s.start.Sub(clock()) // until the slot begins
			elapsed += time.Duration(random.Int64N(int64(grid)))
			if random.IntN(8) == 0 {
				elapsed += time.Duration(random.Int64N(int64(10 * grid)))
			}
			if random.IntN(10) == 0 {
				shift += time.Duration(random.Int64N(int64(4*time.Hour))) - 2*time.Hour
				steps++
			}
			slot := s.next(clock())
			if slot.seq <= last.seq {
				t.Fatalf("seed %d: seq %d after %d", seed, slot.seq, last.seq)
			}
			if !onGrid(slot.at) {
				t.Fatalf("seed %d: slot at %v", seed, slot.at)
			}
			if wait := s.start.Sub(clock()); wait <= 0 || wait > grid {
				t.Fatalf("seed %d: the next slot is %v away", seed, wait)
			}
			// Each step of the clock moves the grid by less than one slot.
			behind := s.start.Sub(origin) - time.Duration(slot.seq)*grid
			if behind.Abs() > time.Duration(steps+1)*grid {
				t.Fatalf("seed %d: after %d steps of the clock seq is %v off the time that passed", seed, steps, behind)
			}
			last = slot
		}
	}
}
