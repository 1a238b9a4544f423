package devices

import (
	"math"
	"time"
)

// maxSegments bounds the history of one plug: 15 minutes at 2 Hz are 1800
// readings, fewer segments because a meter that refreshes every 2 s repeats
// itself.
const maxSegments = 2048

// segment is a run of readings with one value. Times are counted from the
// fleet's start on the monotonic clock, so that clock steps do not bend them.
type segment struct {
	first, last time.Duration // of the run's readings
	power       Milliwatts
}

// history is what one plug said, oldest first.
type history []segment

// add appends a reading. Readings come in the order of their times; an event and
// an answer at the same moment may change places.
func (h history) add(at time.Duration, p Milliwatts) history {
	n := len(h)
	if n > 0 {
		at = max(at, h[n-1].last)
	}
	if n > 0 && h[n-1].power == p && at-h[n-1].last <= MaxHold {
		h[n-1].last = at
		return h
	}
	drop := 0
	for drop < len(h) && (h[drop].last+MaxHold < at-MaxWindow || len(h)-drop >= maxSegments) {
		drop++
	}
	if drop > 0 {
		h = h[:copy(h, h[drop:])]
	}
	return append(h, segment{at, at, p})
}

// mean returns the time-weighted mean from one time to another and how much of
// that time it covers. Each reading counts until the next one, for at most hold;
// time beyond is not covered and does not enter the mean.
func (h history) mean(from, to, hold time.Duration) (mean Watts, covered time.Duration) {
	var sum float64 // mW·ns
	next := time.Duration(math.MaxInt64)
	for i := len(h) - 1; i >= 0 && next > from; i-- {
		s := h[i]
		end := next
		if hold < end-s.last {
			end = s.last + hold
		}
		if d := min(end, to) - max(s.first, from); d > 0 {
			sum += float64(s.power) * float64(d)
			covered += d
		}
		next = s.first
	}
	if covered == 0 {
		return 0, 0
	}
	return Watts(sum / float64(covered) / 1000), covered
}
