package billing

import (
	"math/rand/v2"
	"testing"
	"time"
)

// boot is the day a machine without a clock begins with.
var boot = time.Unix(60, 0).UTC()

// TestTimeline tells stories: from the highest time of the books and a first reading to the last one, with the wall
// clock relative to t0 and what is then the time.
func TestTimeline(t *testing.T) {
	type see struct {
		wall, mono time.Duration // since t0, since the start
		want       time.Duration // the gateway's time since t0
		trusted    bool
	}
	for name, c := range map[string]struct {
		highest time.Duration // since t0
		story   []see
	}{
		"goes with both":             {0, []see{{0, 0, 0, true}, {time.Minute, time.Minute, time.Minute, true}}},
		"a moment of down time":      {0, []see{{time.Minute, 0, time.Minute, true}}},
		"an hour of down time":       {0, []see{{time.Hour, 0, time.Hour, true}}},
		"more than that":             {0, []see{{time.Hour + 1, 0, 0, false}, {2 * time.Hour, time.Hour - 1, time.Hour - 1, false}}},
		"the wall is behind":         {time.Hour, []see{{0, 0, time.Hour, true}, {time.Minute, time.Minute, time.Hour + time.Minute, true}}},
		"far behind":                 {0, []see{{-400 * 24 * time.Hour, 0, 0, true}, {-400 * 24 * time.Hour, time.Hour, time.Hour, true}}},
		"behind, then caught up":     {time.Minute, []see{{0, 0, time.Minute, true}, {3 * time.Minute, time.Minute, 3 * time.Minute, true}}},
		"set back in a run":          {0, []see{{0, 0, 0, true}, {-time.Hour, time.Second, time.Second, true}, {-time.Hour, time.Minute, time.Minute, true}}},
		"set forward by less":        {0, []see{{0, 0, 0, true}, {time.Hour, time.Second, time.Hour, true}}},
		"set forward, then back":     {0, []see{{0, 0, 0, true}, {time.Hour, time.Second, time.Hour, true}, {2 * time.Second, 2 * time.Second, time.Hour + time.Second, true}}},
		"set far forward":            {0, []see{{0, 0, 0, true}, {2 * time.Hour, time.Second, time.Second, false}, {2*time.Hour + time.Minute, time.Minute + time.Second, time.Minute + time.Second, false}}},
		"far forward, then back":     {0, []see{{0, 0, 0, true}, {2 * time.Hour, time.Second, time.Second, false}, {time.Minute, time.Minute, time.Minute, true}}},
		"a nap":                      {0, []see{{0, 0, 0, true}, {20 * time.Minute, time.Second, 20 * time.Minute, true}}},
		"a night's sleep":            {0, []see{{0, 0, 0, true}, {8 * time.Hour, time.Second, time.Second, false}}},
		"two naps are not one sleep": {0, []see{{0, 0, 0, true}, {50 * time.Minute, 0, 50 * time.Minute, true}, {100 * time.Minute, 0, 100 * time.Minute, true}}},
	} {
		t.Run(name, func(t *testing.T) {
			var line timeline
			for i, s := range c.story {
				r := reading{wall: t0.Add(s.wall), mono: s.mono}
				if i == 0 {
					line = beginTimeline(t0.Add(c.highest), r)
				} else {
					line = line.advance(r)
				}
				if !line.now.Equal(t0.Add(s.want)) || line.trusted != s.trusted {
					t.Fatalf("step %d: the time is t0 + %v, trusted %v; want t0 + %v, %v", i, line.now.Sub(t0), line.trusted, s.want, s.trusted)
				}
			}
		})
	}
}

func TestNewBooksTrustTheClockOfTheEra(t *testing.T) {
	line := beginTimeline(time.Time{}, reading{wall: t0})
	if !line.trusted || !line.known || !line.now.Equal(t0) {
		t.Errorf("under a right clock: %+v", line)
	}
	line = beginTimeline(time.Time{}, reading{wall: boot})
	if line.trusted || line.known || !line.now.Equal(boot) {
		t.Errorf("in 1970: %+v", line)
	}
	if line = line.advance(reading{wall: boot.Add(5 * time.Hour), mono: time.Second}); line.trusted {
		t.Errorf("later in 1970: %+v", line)
	}
	if line = line.advance(reading{wall: t0, mono: 2 * time.Second}); !line.trusted || !line.now.Equal(t0) {
		t.Errorf("when the clock was set: %+v", line)
	}
}

func TestConfirmedJumpTellsWhatWasMissed(t *testing.T) {
	line := beginTimeline(t0, reading{wall: t0.Add(10 * time.Hour)})
	r := reading{wall: t0.Add(10*time.Hour + 5*time.Minute), mono: 5 * time.Minute}
	line = line.advance(r)
	if from, to := line.missed(r); !line.down || !from.Equal(t0) || !to.Equal(t0.Add(10*time.Hour)) {
		t.Errorf("missed %v to %v (down %v), want ten hours from t0: the five minutes since were served", from, to, line.down)
	}
	line = line.confirmed(r).advance(reading{wall: r.wall, mono: r.mono + time.Second})
	if !line.trusted || !line.now.Equal(r.wall.Add(time.Second)) {
		t.Errorf("after the jump: %+v", line)
	}
}

// TestTimeNeverRunsBackwards holds the laws of the timeline against clocks that do anything: it never falls, it follows
// only what is at most an hour ahead, and untrusted it goes with the monotonic clock exactly.
func TestTimeNeverRunsBackwards(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		at := reading{wall: t0.Add(time.Duration(r.Int64N(int64(6*time.Hour))) - 3*time.Hour)}
		line := beginTimeline(t0, at)
		for range 100 {
			passed := time.Duration(r.Int64N(int64(time.Minute)))
			at.mono += passed
			at.wall = at.wall.Add(passed)
			switch r.IntN(6) {
			case 0:
				at.wall = at.wall.Add(time.Duration(r.Int64N(int64(4*time.Hour))) - 2*time.Hour)
			case 1:
				at.wall = at.wall.Add(time.Duration(r.Int64N(int64(40 * time.Minute)))) // a nap
			}
			next := line.advance(at)
			moved := next.now.Sub(line.now)
			switch {
			case moved < passed:
				t.Fatalf("seed %d: %v passed, but the time moved by %v", seed, passed, moved)
			case moved > passed+maxJump:
				t.Fatalf("seed %d: the time jumped by %v", seed, moved-passed)
			case !next.trusted && moved != passed:
				t.Fatalf("seed %d: untrusted, the time moved by %v in %v", seed, moved, passed)
			case next.trusted == (at.wall.Sub(line.now.Add(passed)) > maxJump):
				t.Fatalf("seed %d: trusted is %v with the wall clock %v ahead", seed, next.trusted, at.wall.Sub(line.now.Add(passed)))
			}
			if r.IntN(10) == 0 && !next.trusted {
				confirmed := next.confirmed(at)
				from, to := next.missed(at)
				if !confirmed.now.Equal(at.wall) || confirmed.now.Before(next.now) || to.After(at.wall) || to.Sub(from) != at.wall.Sub(next.now) {
					t.Fatalf("seed %d: confirmed %+v after %+v, missed %v to %v", seed, confirmed, next, from, to)
				}
				next = confirmed
			}
			line = next
		}
	}
}
