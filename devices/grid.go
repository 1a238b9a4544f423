package devices

import (
	"hash/fnv"
	"time"
)

// grid is an absolute time grid: slot n is at start + n·step for ever, however
// long the work in between takes. So nothing drifts.
type grid struct {
	start time.Time
	step  time.Duration
}

// newGrid gives each plug a phase of its own, so that not all are asked at the
// same moment; the phase stays the same over restarts.
func newGrid(epoch time.Time, udn string, step time.Duration) grid {
	h := fnv.New64a()
	h.Write([]byte(udn))
	return grid{start: epoch.Add(time.Duration(h.Sum64() % uint64(step))), step: step}
}

// next returns the first slot after now.
func (g grid) next(now time.Time) time.Time {
	since := now.Sub(g.start)
	if since < 0 {
		return g.start
	}
	return g.start.Add((since/g.step + 1) * g.step)
}

// after returns the slot to use after slot, and how many were skipped because
// their time had passed by now. A late reading is never made up for: it would
// only make the next one late.
func (g grid) after(slot, now time.Time) (next time.Time, skipped uint64) {
	next = slot.Add(g.step)
	if late := now.Sub(next); late > 0 {
		n := late/g.step + 1
		return next.Add(n * g.step), uint64(n)
	}
	return next, 0
}
