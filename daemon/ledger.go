package daemon

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/rebased"
	"github.com/wattgate/wattgate/billing/sandbox"
	"github.com/wattgate/wattgate/billing/stardust"
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

// blindTolerated is how long the ledger may be out of sight before nothing more is sold: who paid then would wait for as
// long as it stays away.
const blindTolerated = 5 * time.Minute

// openLedger makes the ledger the configuration names; none is fine, then nothing is sold. It asks no node yet.
func (g *Gateway) openLedger() error {
	c := g.config().Ledger
	switch c.Network {
	case config.Sandbox:
		l, err := sandbox.Open(filepath.Join(g.o.Dirs.State, fileSandbox))
		if err != nil {
			return err
		}
		g.ledger, g.sandbox = l, l
	case config.Stardust:
		l, err := stardust.New(stardust.Options{Node: c.Node, Addresses: g.receiving, Since: g.born(), Log: g.log})
		if err != nil {
			return err
		}
		g.ledger, g.runLedger = l, l.Run
	case config.Rebased:
		l, err := rebased.New(rebased.Options{Node: c.Node, SecondNode: c.SecondNode, Address: c.Address, Others: g.receiving, Since: g.born(), Log: g.log})
		if err != nil {
			return err
		}
		g.ledger = l
	}
	return nil
}

// receiving is every address that money may arrive at.
func (g *Gateway) receiving(ctx context.Context) ([]string, error) { return g.shop.Receiving(ctx) }

// born is when this gateway was set up: nobody can have paid it before.
func (g *Gateway) born() time.Time {
	info, err := os.Stat(g.o.Dirs.Identity())
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
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
			wait = time.Duration(float64(max(retry, retryAfter(err))) * (1 + 0.4*rand.Float64()))
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

// retryAfter is how long a busy node wants to be left alone.
func retryAfter(err error) time.Duration {
	if busy, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err); ok {
		return busy.RetryAfter()
	}
	return 0
}

// takeDeposits credits one batch.
func (g *Gateway) takeDeposits(ctx context.Context) (more bool, err error) {
	if err := g.pin(ctx); err != nil {
		return false, err
	}
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

// pin makes sure, before the first deposit of a run, that the chain is the one the books know.
func (g *Gateway) pin(ctx context.Context) error {
	if g.chain.Load() != nil {
		return nil
	}
	identity, err := g.ledger.Identity(ctx)
	if err != nil {
		return err
	}
	var other *billing.ChainError
	err = g.shop.PinLedger(ctx, string(g.config().Ledger.Network), identity, g.now())
	if errors.As(err, &other) {
		return fmt.Errorf("%w (if that is meant: wattgate ledger accept)", err)
	}
	if err != nil {
		return err
	}
	g.chain.Store(&identity)
	g.log.Info("ledger found", "network", string(g.config().Ledger.Network), "chain", identity)
	g.Nudge() // now there is something to sell
	return nil
}

// ownerAcceptLedger is the owner's word that another chain is meant.
func (g *Gateway) ownerAcceptLedger(ctx context.Context, _ []byte) (any, error) {
	if g.ledger == nil {
		return nil, errors.New("cannot accept a chain: no ledger is set (ledger.network)")
	}
	identity, err := g.ledger.Identity(ctx)
	if err != nil {
		return nil, err
	}
	network := string(g.config().Ledger.Network)
	if err := g.shop.AcceptLedger(ctx, network, identity, g.now()); err != nil {
		return nil, ownerError(err)
	}
	g.log.Warn("another chain accepted by the owner", "network", network, "chain", identity)
	g.startAnew(g.config()) // what was read of the old one is forgotten
	return control.Done{Done: "payments are looked for on the chain " + identity + " from now on"}, nil
}

// seesLedger says whether the ledger answers, and with which chain.
func (g *Gateway) seesLedger() (chain string, sees bool) {
	known := g.chain.Load()
	if g.ledger == nil || known == nil {
		return "", false
	}
	return *known, time.Since(time.UnixMilli(g.ledgerSeen.Load())) < blindTolerated
}

func (g *Gateway) ledgerStatus() control.Ledger {
	if g.ledger == nil {
		return control.Ledger{}
	}
	out := control.Ledger{Problem: g.state.textOf("ledger")}
	out.Chain, _ = g.seesLedger()
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
