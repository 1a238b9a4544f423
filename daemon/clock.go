package daemon

import (
	"context"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/daemon/control"
)

// now is the gateway's time: the one by which orders lapse and grants start and end.
func (g *Gateway) now() time.Time {
	now, _ := g.clock.Now()
	return now
}

// trustedNow is now, after an attempt to have a clock that is not trusted confirmed: by the ledger's time, or, where
// nothing is sold and so nothing can be lost, by policy.
func (g *Gateway) trustedNow(ctx context.Context) time.Time {
	now, trusted := g.clock.Now()
	if !trusted {
		if trusted = g.confirmClock(ctx); trusted {
			now = g.now()
		}
	}
	switch {
	case !trusted:
		if g.state.report("clock", problem{"clock", "the clock jumped by more than an hour and nothing confirms it: no grant starts or ends (is the time right? wattgate clock accept)"}) {
			g.log.Warn("clock is not trusted", "time", now.Format(time.RFC3339), "wall", time.Now().UTC().Format(time.RFC3339))
		}
	case g.state.clear("clock"):
		g.log.Info("clock is trusted again", "time", now.Format(time.RFC3339))
		g.Nudge() // what was to start while it was not, starts now
	}
	return now
}

func (g *Gateway) confirmClock(ctx context.Context) bool {
	var err error
	var ok bool
	if g.ledger == nil {
		ok, err = g.clock.Accept(ctx, "nothing is sold")
	} else {
		var head billing.Head
		if head, err = g.ledger.Head(ctx); err == nil {
			ok, err = g.clock.Confirm(ctx, head.At)
		}
	}
	if err != nil {
		g.log.Debug("clock cannot be confirmed", "error", err)
	}
	return ok
}

func (g *Gateway) clockStatus() control.Clock {
	now, trusted := g.clock.Now()
	return control.Clock{Trusted: trusted, Now: now}
}

// ownerAcceptClock is the owner's word that the machine's clock is right.
func (g *Gateway) ownerAcceptClock(ctx context.Context, _ []byte) (any, error) {
	ok, err := g.clock.Accept(ctx, "the owner accepted it")
	if err != nil {
		return nil, ownerError(err)
	}
	g.Nudge()
	if !ok {
		return control.Done{Done: "the clock was trusted already"}, nil
	}
	g.log.Info("clock accepted by the owner", "time", g.now().Format(time.RFC3339))
	return control.Done{Done: "the clock is trusted"}, nil
}

// withheld is one change between serving and withholding.
type withheld struct {
	at     time.Time
	reason string // empty: readings go out again
}

// withheldQueue is how many changes may wait for the database; a full disk must not hold up the readings.
const withheldQueue = 64

// noteWithheld is called for each slot and passes on what changed. Paid data is withheld too while the level is private.
func (g *Gateway) noteWithheld(reason string) {
	if (reason == "") == (g.holding == "") {
		return
	}
	select {
	case g.holdings <- withheld{g.now(), reason}:
		g.holding = reason
	default: // said again with the next slot
	}
}

// recordWithheld writes down for how long nobody was served, per grant, until ctx ends.
func (g *Gateway) recordWithheld(ctx context.Context) {
	for {
		var w withheld
		select {
		case <-ctx.Done():
			return
		case w = <-g.holdings:
		}
		for retry := 0; ctx.Err() == nil; retry++ {
			var err error
			if w.reason == "" {
				err = g.shop.Resume(ctx, w.at)
			} else {
				err = g.shop.Withhold(ctx, w.at, w.reason)
			}
			if err == nil {
				break
			}
			if retry == 0 {
				g.log.Error("cannot record that readings are withheld", "error", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
}
