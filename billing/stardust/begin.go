//go:build !arm && !386

package stardust

import (
	"context"
	"fmt"
	"sort"

	"github.com/wattgate/wattgate/billing/stardust/node"
)

// begin is where a ledger without a cursor begins.
func (l *Ledger) begin(ctx context.Context, info node.Info) (cursor, error) {
	head := cursor{index: info.Head.Index, id: info.Head.ID}
	switch {
	case head.index == 0:
		return cursor{}, errNoMilestone
	case l.o.Since.IsZero() || info.Head.At.Before(l.o.Since):
		return head, nil
	}
	// The clock of milestones always rises, so the first one of that time is found by halving: some 25 questions for ten
	// years.
	var failure error
	oldest := info.Pruned + 1
	n := sort.Search(int(head.index-oldest), func(i int) bool {
		if failure != nil {
			return true
		}
		m, err := l.milestone(ctx, oldest+uint32(i))
		failure = err
		return err == nil && !m.At.Before(l.o.Since)
	})
	if failure != nil {
		return cursor{}, failure
	}
	if n == 0 && info.Pruned > 0 {
		return cursor{}, fmt.Errorf("%w: the first that matters is of %s, it has nothing up to milestone %d (set ledger.node to a node with more history)",
			ErrPruned, l.o.Since.UTC().Format("2006-01-02 15:04:05"), info.Pruned)
	}
	first, err := l.milestone(ctx, oldest+uint32(n))
	if err != nil {
		return cursor{}, err
	}
	return cursor{index: first.Index - 1, id: first.Previous}, nil
}
