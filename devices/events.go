package devices

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
)

// When events take the place of readings. A WeMo sends one at each refresh of
// its meter, 1.5 and 2.5 s apart, and none while it is switched off.
const (
	flowing  = 10 * time.Second       // after an event, further ones are expected for so long
	margin   = 250 * time.Millisecond // for a reading that must arrive before the last value has expired
	farewell = time.Second            // for unsubscribing at the end
)

// talker is a meter whose plug sends its readings by itself.
type talker interface {
	// Subscribe asks for events at the URL callback, or goes on with the
	// subscription sid; driver.ErrUnsubscribed means that the plug lost it.
	Subscribe(ctx context.Context, callback, sid string) (newSID string, lasts time.Duration, err error)
	Unsubscribe(ctx context.Context, sid string) error
	Event(body io.Reader) (driver.Reading, error)
}

// spared reports whether the events of p make a reading in this slot needless:
// they flow, and the last value will not have expired at the next slot. So
// reading drops to a heartbeat of less than 0.5 Hz.
func (f *Fleet) spared(p *plug, step time.Duration, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return now.Sub(p.heard) < flowing && now.Sub(p.last.At)+step < f.cfg.hold()-margin && !p.doubtful(now)
}

// follow keeps p subscribed until ctx ends. Whatever goes wrong, p is read.
func (f *Fleet) follow(ctx context.Context, p *plug) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for vain := 0; ; vain++ {
		began := time.Now()
		err := f.subscribed(ctx, p)
		f.mu.Lock()
		p.mute = ""
		if err != nil {
			p.mute = "sends no events and is read instead: " + driver.Problem(err)
		}
		f.mu.Unlock()
		if time.Since(began) > time.Minute {
			vain = 0
		}
		if !wait(ctx, timer, pause(vain, rand.Float64()), p.renew) {
			return
		}
	}
}

// subscribed subscribes to p and renews that until it fails, p moves or ctx
// ends.
func (f *Fleet) subscribed(ctx context.Context, p *plug) error {
	f.mu.Lock()
	t, ok := p.meter.(talker)
	from := p.at.Addr.Addr()
	f.mu.Unlock()
	if !ok {
		return nil // its model has none, and that is no fault
	}
	url, stop, err := f.receive(from, func(sid string, body io.Reader) error { return f.event(p, t, from, sid, body) })
	if err != nil {
		return err
	}
	defer stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for sid := ""; ; {
		next, lasts, err := t.Subscribe(ctx, url, sid)
		switch {
		case errors.Is(err, driver.ErrUnsubscribed) && sid != "":
			sid = ""
			continue
		case err != nil:
			return err
		}
		sid = next
		f.mu.Lock()
		p.sid, p.mute = sid, ""
		f.mu.Unlock()
		timer.Reset(lasts * 3 / 4)
		select {
		case <-timer.C:
			continue
		case <-p.renew:
		case <-ctx.Done():
		}
		f.leave(ctx, p, t, sid)
		return nil
	}
}

// leave ends a subscription. The plug forgets it by itself if it cannot be told.
func (f *Fleet) leave(ctx context.Context, p *plug, t talker, sid string) {
	f.mu.Lock()
	p.sid, p.heard = "", time.Time{}
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	t.Unsubscribe(ctx, sid)
}

// event takes what arrived from the address of p as a reading, if it is one.
func (f *Fleet) event(p *plug, t talker, from netip.Addr, sid string, body io.Reader) error {
	r, err := t.Event(body)
	if err != nil {
		return err
	}
	f.mu.Lock()
	now := time.Now()
	fits := (p.sid == "" || p.sid == sid) && p.at.Addr.Addr() == from && p.health != Unreachable && (r.HasPower || r.Relay == RelayOff)
	if fits && !p.continues(r, now) {
		p.suspect, fits = true, false
	}
	if fits {
		p.heard = now
	}
	f.mu.Unlock()
	if fits {
		f.note(p, r, nil, now)
	}
	return nil
}
