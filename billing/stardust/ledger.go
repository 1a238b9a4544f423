//go:build !arm && !386

package stardust

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	iotago "github.com/iotaledger/iota.go/v3"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/stardust/node"
)

// Ledger reads a node. It implements billing.Ledger; all methods may be called at the same time.
type Ledger struct {
	o       Options
	node    *node.Client
	changed chan struct{}
}

// New makes a ledger. It asks nothing yet.
func New(o Options) (*Ledger, error) {
	if o.Addresses == nil {
		return nil, errors.New("cannot read a Stardust ledger: no addresses are given")
	}
	client, err := node.New(o.Node, o.Client)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Ledger{o: o, node: client, changed: make(chan struct{}, 1)}, nil
}

// Identity is the network's name and the id that its transactions carry, which follows from the name. That the milestones
// are the same ones is checked with every batch.
func (l *Ledger) Identity(ctx context.Context) (string, error) {
	info, err := l.node.Info(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s/%d", info.Protocol.NetworkName, info.Protocol.NetworkID()), nil
}

// Head is the newest milestone and its time; CheckHead judges it.
func (l *Ledger) Head(ctx context.Context) (billing.Head, error) {
	info, err := l.node.Info(ctx)
	if err != nil {
		return billing.Head{}, err
	}
	if info.Head.Index == 0 {
		return billing.Head{}, errNoMilestone
	}
	return billing.Head{Sequence: uint64(info.Head.Index), At: info.Head.At}, nil
}

// errNoMilestone is a node that has just been started, or started without a snapshot.
var errNoMilestone = fmt.Errorf("%w: it has no milestone at all (it has just been started; if that stays, see its log)", ErrBehind)

// Changed receives after a new milestone while Run runs; several may share one.
func (l *Ledger) Changed() <-chan struct{} { return l.changed }

// How often Run asks for the newest milestone. On average it learns of one 150 ms late; the question costs a node on the
// same machine some 100 µs. After a failure it waits longer, up to a limit.
const (
	pollLeast   = 100 * time.Millisecond
	pollMost    = 200 * time.Millisecond
	pollFailing = 30 * time.Second
)

// Run asks for the newest milestone again and again, for Changed, until ctx ends. Failures are not told: whoever reads
// deposits meets them, too.
func (l *Ledger) Run(ctx context.Context) {
	var seen iotago.MilestoneID
	failing := time.Duration(0)
	for {
		info, err := l.node.Info(ctx)
		switch {
		case err != nil:
			failing = min(max(2*failing, time.Second), pollFailing)
		case info.Head.ID != seen:
			failing, seen = 0, info.Head.ID
			select {
			case l.changed <- struct{}{}:
			default:
			}
		default:
			failing = 0
		}
		// Spread, so that many gateways do not ask a node in step.
		wait := pollLeast + rand.N(pollMost-pollLeast)
		if failing > 0 {
			wait = failing/2 + rand.N(failing)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}
