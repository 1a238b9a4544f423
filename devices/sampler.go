package devices

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
)

// readTimeout ends a reading whatever the brand does.
const readTimeout = 2 * time.Second

// errNoPower is an answer without the one thing that is wanted.
var errNoPower = errors.New("the plug did not tell its power")

// sample reads p on its grid until ctx ends.
func (f *Fleet) sample(ctx context.Context, p *plug, interval time.Duration, events bool) {
	p.turn.Lock()
	defer p.turn.Unlock()
	var wg sync.WaitGroup
	defer wg.Wait()
	if events {
		wg.Go(func() { f.follow(ctx, p) })
	}
	g := newGrid(f.epoch, p.udn, interval)
	timer := time.NewTimer(0)
	defer timer.Stop()
	slot := g.next(time.Now())
	for vain := 0; ; {
		if !wait(ctx, timer, time.Until(slot), nil) {
			return
		}
		if f.spared(p, g.step, time.Now()) {
			slot, _ = g.after(slot, time.Now())
			continue
		}
		f.lateness(time.Since(slot))
		if f.read(ctx, p) {
			var skipped uint64
			vain = 0
			g.step = f.pace(p, interval)
			slot, skipped = g.after(slot, time.Now())
			f.miss(p, skipped)
			continue
		}
		if !wait(ctx, timer, pause(vain, rand.Float64()), p.moved) {
			return
		}
		vain++
		slot = g.next(time.Now())
	}
}

// wait returns true after d, or earlier when early is signalled, and false when
// ctx ends.
func wait(ctx context.Context, timer *time.Timer, d time.Duration, early <-chan struct{}) bool {
	timer.Reset(d)
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-early:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// read reads p once and notes the result. It returns false when the plug is
// lost and should be left alone for a while.
func (f *Fleet) read(ctx context.Context, p *plug) bool {
	f.mu.Lock()
	meter, doubtful := p.meter, p.doubtful(time.Now())
	f.mu.Unlock()
	r, err := f.fetch(ctx, p, meter, doubtful)
	if err == nil && !doubtful && !f.same(p, r) {
		r, err = f.fetch(ctx, p, meter, true)
	}
	if ctx.Err() != nil {
		return true // we stop; that says nothing about the plug
	}
	if err == nil && !r.HasPower && r.Relay != RelayOff {
		err = errNoPower
	}
	return f.note(p, r, err, time.Now())
}

// same reports whether a reading may be of p itself.
func (f *Fleet) same(p *plug, r driver.Reading) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return p.continues(r, time.Now())
}

// fetch asks the meter, and before that, if there is doubt, whose it is.
func (f *Fleet) fetch(ctx context.Context, p *plug, meter driver.Meter, doubtful bool) (driver.Reading, error) {
	if doubtful {
		var err error
		if meter, err = f.reacquire(ctx, p); err != nil {
			return driver.Reading{}, err
		}
	}
	if meter == nil {
		return driver.Reading{}, errNoMeter // Run is about to stop this
	}
	rctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	began := time.Now()
	r, err := meter.Read(rctx)
	if ctx.Err() == nil {
		f.mu.Lock()
		p.governor.observe(time.Since(began), f.cfg.Interval, time.Now())
		f.mu.Unlock()
	}
	return r, err
}

// pace returns the time to the next reading of p as its governor has it.
func (f *Fleet) pace(p *plug, interval time.Duration) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return p.governor.interval(interval)
}

// note keeps the result of a reading, and logs when a plug is lost or regained:
// once each, not at every slot. It returns false when the plug is lost.
func (f *Fleet) note(p *plug, r driver.Reading, err error, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.meter == nil {
		return true // it lost its meter meanwhile
	}
	if err != nil {
		if p.fail(err, now) {
			f.log.Warn("plug lost", "serial", p.id.Serial, "name", p.id.FriendlyName, "address", p.at.Addr.String(), "problem", p.problem)
			signal(f.nudged)
		}
		return p.health != Unreachable
	}
	away := now.Sub(p.since)
	if p.succeed(r, now, now.Sub(f.epoch)) {
		signal(p.renew)
		f.log.Info("plug regained", "serial", p.id.Serial, "name", p.id.FriendlyName, "address", p.at.Addr.String(), "away", away.Round(time.Second))
	}
	if r.HasTotal {
		f.countEnergy(p, r.Total)
	}
	return true
}

// countEnergy adds to the plug's counter, continuing a saved one. The caller
// holds mu.
func (f *Fleet) countEnergy(p *plug, total driver.MilliwattMinutes) {
	if p.count == nil {
		if len(f.energy) >= maxCounters {
			return
		}
		p.count = newCounter(total)
		f.energy[p.id.UDN] = p.count
		return
	}
	p.count.add(total)
}

// miss counts skipped slots.
func (f *Fleet) miss(p *plug, n uint64) {
	if n == 0 {
		return
	}
	f.mu.Lock()
	p.missed += n
	f.mu.Unlock()
}
