package devices

import (
	"sync"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
)

const (
	lostAfter  = 3                // failed readings in a row until a plug is unreachable
	rateWindow = 10 * time.Second // over which Plug.Rate is taken
)

// plug is what the fleet keeps of one plug. Fleet.mu guards all but the first
// four fields.
type plug struct {
	turn  sync.Mutex    // held by the goroutine that samples: one request at a time
	moved chan struct{} // capacity 1: it was found again, end the pause
	renew chan struct{} // capacity 1: subscribe anew, it moved or was away
	udn   string        // who it is; set once, readable without mu

	id    driver.Identity
	brand brand
	at    driver.Location
	meter driver.Meter // nil: has none

	health  Health
	since   time.Time
	problem string
	woken   bool      // its pause was ended since it was last read
	suspect bool      // another plug was found at its address, or it is said to have left: ask who it is before reading
	seen    time.Time // last sign of life
	named   time.Time // it last said who it is
	asked   time.Time // by attend, last

	total   driver.MilliwattMinutes // its own counter as last read
	totalAt time.Time               // zero = never

	last    Sample // without Energy and Known, which depend on the time
	history history
	count   *counter // nil until a total was told

	governor governor
	sid      string    // of its subscription, "" = none is known
	heard    time.Time // its last event
	mute     string    // why it sends no events, in words

	streak               int // failed readings in a row
	missed, read, failed uint64
	recent               [32]time.Time // of the last readings, a ring indexed by read
}

// enter changes the state of health.
func (p *plug) enter(h Health, problem string, now time.Time) {
	if p.health != h {
		p.health, p.since = h, now
	}
	p.problem = problem
}

// succeed notes a reading taken at now; offset is the same moment counted from
// the fleet's start. It reports whether the plug had been lost.
func (p *plug) succeed(r driver.Reading, now time.Time, offset time.Duration) (regained bool) {
	regained = p.health == Unreachable
	power := r.Power
	if r.Relay == RelayOff {
		power = 0 // the meter shows the old value for some seconds
	}
	p.last = Sample{UDN: p.id.UDN, Serial: p.id.Serial, At: now, Power: power, Relay: r.Relay}
	p.history = p.history.add(offset, power)
	p.streak, p.woken, p.seen = 0, false, now
	if r.HasTotal {
		p.total, p.totalAt = r.Total, now
	}
	p.recent[p.read%uint64(len(p.recent))] = now
	p.read++
	p.enter(Online, "", now)
	return regained
}

// fail notes a reading that failed, and reports whether the plug is lost by it.
func (p *plug) fail(err error, now time.Time) (lost bool) {
	p.streak++
	p.failed++
	h := Degraded
	if p.streak >= lostAfter {
		h = Unreachable
	}
	lost = h == Unreachable && p.health != Unreachable
	p.enter(h, driver.Problem(err), now)
	return lost
}

// sample returns what is known at now, if a reading is current for hold.
func (p *plug) sample(now time.Time, hold time.Duration) Sample {
	s := p.last
	s.UDN, s.Serial = p.id.UDN, p.id.Serial
	s.Known = !s.At.IsZero() && now.Sub(s.At) <= hold
	if !s.Known {
		s.Power, s.Relay = 0, RelayUnknown
	}
	if p.count != nil {
		s.Energy, s.HasEnergy = p.count.energy(), true
	}
	return s
}

// rate returns readings per second over the last 10 s, or since the first one
// if that is less long ago.
func (p *plug) rate(now time.Time) float64 {
	n, span := 0, time.Duration(0)
	for _, at := range p.recent {
		if age := now.Sub(at); !at.IsZero() && age <= rateWindow {
			n++
			span = max(span, age)
		}
	}
	if p.read > uint64(n) {
		span = rateWindow
	}
	if n < 2 {
		return 0
	}
	return float64(n) / max(span, time.Second).Seconds()
}
