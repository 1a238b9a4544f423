package devices

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
)

// How long it is believed who lives at an address, and what is known about a
// plug that is gone.
const (
	namedFor  = 5 * time.Minute // an Insight's reading says nothing about whose it is
	quietFor  = 3 * time.Minute // a plug that is not read may be silent, at a search a minute
	askEvery  = time.Minute     // a silent one is asked
	goneAfter = 24 * time.Hour  // a plug that nobody named in Config.Allow is forgotten
)

// The most that a plug's counter can have risen between two readings: 16 A at
// 250 V, and what it counts in the minute in which it may not have refreshed.
const (
	maxPower = 4_000_000 * driver.Milliwatts(1)
	slack    = driver.MilliwattMinutes(maxPower)
)

var errNoMeter = errors.New("the plug no longer offers its meter")

// doubtful reports whether p must say who it is before it is read. The caller
// holds mu.
func (p *plug) doubtful(now time.Time) bool {
	return p.suspect || p.health == Unreachable || now.Sub(p.named) > namedFor
}

// continues reports whether a reading can be of the same plug as the one
// before: the totals of two plugs differ, and no plug's own one falls or leaps
// unless it was reset. The caller holds mu.
func (p *plug) continues(r driver.Reading, now time.Time) bool {
	if !r.HasTotal || p.totalAt.IsZero() {
		return true
	}
	rise := r.Total - p.total
	return rise >= 0 && float64(rise) <= float64(slack)+float64(maxPower)*now.Sub(p.totalAt).Minutes()
}

// reacquire makes sure that it is p who lives at p's address before it is read
// again: an address may have passed to another plug, whose readings are not p's.
// If p was lost it is looked for on the other ports of the same host, too.
func (f *Fleet) reacquire(ctx context.Context, p *plug) (driver.Meter, error) {
	f.mu.Lock()
	b, at, udn, lost := p.brand, p.at, p.udn, p.health == Unreachable
	f.mu.Unlock()
	n, err := f.identify(ctx, b, at, udn)
	if err != nil && lost {
		for _, port := range ports(b) {
			if port == at.Addr.Port() || ctx.Err() != nil {
				continue
			}
			loc := driver.Location{Addr: netip.AddrPortFrom(at.Addr.Addr(), port), Path: at.Path}
			if m, e := f.identify(ctx, b, loc, udn); e == nil && m.meter != nil {
				n, err = m, nil
				break
			}
		}
	}
	if err != nil {
		return nil, err
	}
	if n.meter == nil {
		return nil, errNoMeter
	}
	f.admit(n, false, time.Now())
	return n.meter, nil
}

// identify asks who lives at at; anyone but udn is an error.
func (f *Fleet) identify(ctx context.Context, b brand, at driver.Location, udn string) (found, error) {
	id, meter, err := b.Describe(ctx, at)
	if err == nil && id.UDN != udn {
		err = errOtherPlug
	}
	return found{id, b, at, meter}, err
}

// attend looks after plugs that are not read: those that were silent for some
// minutes, or are said to have left, are asked whether they are still there.
// Plugs long gone are forgotten.
func (f *Fleet) attend(ctx context.Context) {
	f.forgetGone(time.Now())
	each(ctx, f.silent(time.Now()), func(p *plug) {
		f.mu.Lock()
		b, at := p.brand, p.at
		f.mu.Unlock()
		n, err := f.identify(ctx, b, at, p.udn)
		switch {
		case err == nil:
			f.admit(n, true, time.Now())
		case ctx.Err() == nil:
			f.mu.Lock()
			p.enter(Unreachable, driver.Problem(err), time.Now())
			f.mu.Unlock()
		}
	})
}

// silent returns the plugs that attend has to ask, and notes that it does.
func (f *Fleet) silent(now time.Time) []*plug {
	f.mu.Lock()
	defer f.mu.Unlock()
	read := f.expected()
	var out []*plug
	for _, p := range f.plugs {
		quiet := p.suspect || p.health == Unreachable || now.Sub(p.seen) > quietFor
		if quiet && now.Sub(p.asked) >= askEvery && !slices.Contains(read, p) {
			p.asked = now
			out = append(out, p)
		}
	}
	return out
}

// forgetGone drops the plugs that were gone for a day, unless the owner named
// them. Their energy stays.
func (f *Fleet) forgetGone(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for udn, p := range f.plugs {
		if p.health == Unreachable && now.Sub(p.since) > goneAfter && !slices.Contains(f.cfg.Allow, p.id.Serial) {
			delete(f.plugs, udn)
			f.log.Info("plug forgotten: it was gone for a day", "serial", p.id.Serial, "name", p.id.FriendlyName)
			signal(f.changed)
		}
	}
}
