package daemon

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/sandbox"
	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/control"
)

// pollLedger is how often a ledger is asked that cannot tell when something arrived.
const pollLedger = time.Second

// The back-off after a ledger's error: doubled from the first to the last, spread by a fifth so that many gateways do
// not come back to a node all at once.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// openLedger makes the ledger the configuration names; none is fine, then nothing is sold.
func (g *Gateway) openLedger() error {
	if g.config().Ledger.Network != config.Sandbox {
		return nil
	}
	l, err := sandbox.Open(filepath.Join(g.o.Dirs.State, fileSandbox))
	if err != nil {
		return err
	}
	g.ledger, g.sandbox = l, l
	return nil
}

// watchLedger turns deposits into credit until ctx ends. A batch and the cursor behind it are stored in the
// transaction that credits it, so it does not matter where this is interrupted.
func (g *Gateway) watchLedger(ctx context.Context) {
	if g.ledger == nil {
		return
	}
	var changed <-chan struct{}
	if n, ok := g.ledger.(interface{ Changed() <-chan struct{} }); ok {
		changed = n.Changed()
	}
	retry := firstRetry
	for ctx.Err() == nil {
		wait := pollLedger
		more, err := g.takeDeposits(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			wait = time.Duration(float64(retry) * (0.8 + 0.4*rand.Float64()))
			retry = min(2*retry, lastRetry)
			if g.state.report("ledger", problem{"ledger", "payments cannot be seen: " + err.Error()}) {
				g.log.Warn("ledger lost", "error", err)
			}
		case g.state.clear("ledger"):
			g.log.Info("ledger regained")
			fallthrough
		default:
			retry = firstRetry
			g.ledgerSeen.Store(time.Now().UnixMilli())
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-time.After(wait):
		}
	}
}

// takeDeposits credits one batch.
func (g *Gateway) takeDeposits(ctx context.Context) (more bool, err error) {
	cursor, err := g.shop.Cursor(ctx)
	if err != nil {
		return false, err
	}
	batch, err := g.ledger.Deposits(ctx, cursor)
	if err != nil {
		return false, err
	}
	if len(batch.Deposits) == 0 && batch.Cursor == cursor {
		return false, nil
	}
	changes, err := g.shop.Credit(ctx, batch, g.now())
	if err != nil {
		return false, err
	}
	g.tell(changes)
	if len(changes) > 0 {
		g.Nudge()
	}
	return batch.More, nil
}

func (g *Gateway) ledgerStatus() control.Ledger {
	if g.ledger == nil {
		return control.Ledger{}
	}
	out := control.Ledger{Problem: g.state.textOf("ledger")}
	if t, err := g.terms(g.config(), g.audience()); err == nil {
		out.Network, out.Address = t.Network.Name, t.Network.Address
	}
	if ms := g.ledgerSeen.Load(); ms > 0 {
		out.Seen = time.UnixMilli(ms).UTC()
	}
	return out
}

// refusalOf is what billing has to say to the person who asked, if that is what err is.
func refusalOf(err error) (*billing.Refusal, bool) { return errors.AsType[*billing.Refusal](err) }
