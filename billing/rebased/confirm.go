package rebased

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wattgate/wattgate/billing"
)

// grace is how long a deposit may wait for the second node before that is an error: far above the lag of an indexer.
const grace = time.Minute

// waiting is the deposit that the second node does not know yet; the zero value is none.
type waiting struct {
	id    string
	since time.Time
}

// arrival is a deposit and where it was found.
type arrival struct {
	billing.Deposit
	digest     string
	checkpoint uint64
}

// confirm asks the second node for each arrival and returns how many of them, from the first, it confirms. If that is
// not all, held says whether the next one just has to wait; if it is not held, err says what is wrong with it.
func (l *Ledger) confirm(ctx context.Context, arrivals []arrival) (confirmed int, held bool, err error) {
	if l.second == nil || len(arrivals) == 0 {
		return len(arrivals), false, nil
	}
	if err := l.sameChain(ctx); err != nil {
		return 0, false, err
	}
	for i, a := range arrivals {
		why, err := l.agree(ctx, a)
		switch {
		case err != nil:
			return i, false, err
		case why != "":
			return i, true, l.hold(a, why)
		}
	}
	l.waits = waiting{}
	return len(arrivals), false, nil
}

// agree compares what both nodes tell of an arrival. why is not empty if the second one does not know it yet.
func (l *Ledger) agree(ctx context.Context, a arrival) (why string, err error) {
	t, final, err := l.second.transaction(ctx, a.digest)
	if no, ok := errors.AsType[*rpcError](err); ok {
		return "it answers " + no.said, nil
	}
	if err != nil {
		return "", err
	}
	if !final {
		return "it has it in no checkpoint yet", nil
	}
	d, _, err := t.deposit(a.Address) // of nothing if it brought nothing
	if err != nil {
		return "", err
	}
	if t.checkpoint != a.checkpoint || d.ID != a.ID || d.Amount != a.Amount || t.sender != a.Sender {
		return "", fmt.Errorf("cannot credit transaction %s: %w: %s tells of %d nanos from %q in checkpoint %d, %s of %d nanos from %q in checkpoint %d (one of them is wrong: find out which before you change ledger.node or ledger.second-node)",
			a.digest, ErrDisagree, l.node.name, a.Amount, a.Sender, a.checkpoint, l.second.name, d.Amount, t.sender, t.checkpoint)
	}
	return "", nil
}

// hold notes that an arrival waits; the error is nil for as long as that is nothing unusual.
func (l *Ledger) hold(a arrival, why string) error {
	now := time.Now()
	if l.waits.id != a.ID {
		l.waits = waiting{a.ID, now}
	}
	waited := now.Sub(l.waits.since)
	if waited < grace {
		return nil
	}
	return fmt.Errorf("cannot credit transaction %s: %w: %s lists it in checkpoint %d, and for %s %s has not confirmed it: %s (is the second node in step?)",
		a.digest, ErrUnconfirmed, l.node.name, a.checkpoint, waited.Round(time.Second), l.second.name, why)
}

// sameChain sees once that the second node serves the chain of the first.
func (l *Ledger) sameChain(ctx context.Context) error {
	if l.secondSeen {
		return nil
	}
	id, err := l.second.chain(ctx)
	if err != nil {
		return err
	}
	if chain := l.pinned(); id != chain {
		return otherChain(l.second.name, id, chain)
	}
	l.secondSeen = true
	return nil
}
