package billing

import "time"

// maxJump is the furthest the wall clock may run ahead of the gateway's time and still be followed without a second
// opinion. It is above what summer time set by hand or a drifting clock makes, and below what is worth stealing.
const maxJump = time.Hour

// eraMS is the beginning of the year this release was made in, 2026. No right clock shows less; a machine without a
// clock of its own boots in 1970 or at some date of its system's image.
const eraMS = 1_767_225_600_000

// reading is what the two clocks of the machine say at one moment.
type reading struct {
	wall time.Time
	// mono has passed since some moment of this run. It never falls, and stands still while the machine sleeps.
	mono time.Duration
}

// timeline is the gateway's time: a pure function of the highest time of the runs before and of the readings in this
// one. It never runs backwards.
type timeline struct {
	// known: now is a time the gateway has trusted, or goes on from one. It is not in new books under a wall clock from
	// before the era.
	known   bool
	trusted bool
	// now is the gateway's time at mono.
	now  time.Time
	mono time.Duration
	// lost is the time at which trust was lost; it has a meaning while known and not trusted. down: that was at the
	// start of the run.
	lost time.Time
	down bool
}

// beginTimeline goes on from the highest time; zero is none.
func beginTimeline(highest time.Time, r reading) timeline {
	t := timeline{known: !highest.IsZero(), trusted: true, now: highest, mono: r.mono}.advance(r)
	t.down = !t.trusted
	return t
}

// advance is the timeline at a later reading. It passes with the monotonic clock, and follows the wall clock where
// that is ahead by no more than maxJump. A wall clock further ahead is not followed, and time is not trusted until it
// has come back or the jump is confirmed.
func (t timeline) advance(r reading) timeline {
	if !t.known {
		t.now, t.mono, t.lost = r.wall, r.mono, r.wall
		t.known = ms(r.wall) >= eraMS
		t.trusted = t.known
		return t
	}
	t.now, t.mono = t.now.Add(r.mono-t.mono), r.mono
	ahead := r.wall.Sub(t.now)
	if ahead > maxJump {
		if t.trusted {
			t.trusted, t.lost, t.down = false, t.now, false
		}
		return t
	}
	t.trusted = true
	if ahead > 0 {
		t.now = r.wall
	}
	return t
}

// confirmed is the timeline after the wall clock's jump was confirmed.
func (t timeline) confirmed(r reading) timeline {
	t.known, t.trusted = true, true
	t.now, t.mono = r.wall, r.mono
	return t
}

// missed is how far a confirmed jump went, beginning when trust was lost: time that nobody was served in. What was
// served while time was not trusted comes after it.
func (t timeline) missed(r reading) (from, to time.Time) {
	return t.lost, t.lost.Add(r.wall.Sub(t.now))
}

// near reports whether two clocks show the same hour, give or take maxJump.
func near(a, b time.Time) bool { return a.Sub(b).Abs() <= maxJump }
