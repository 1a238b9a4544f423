package rebased

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/wattgate/wattgate/billing"
)

const (
	// maxPages bounds what one call reads, in pages of one address or several.
	maxPages = 64
	// idleStep is by how many checkpoints a cursor is moved when nothing arrives, about two minutes: often enough that
	// pruning does not reach it, rarely enough that a quiet gateway does not write once a second.
	idleStep = 600
)

// Deposits lists what arrived after the cursor, oldest first. At the empty cursor it begins with the oldest checkpoint
// that the node still has.
func (l *Ledger) Deposits(ctx context.Context, cursor string) (billing.Batch, error) {
	l.reading.Lock()
	defer l.reading.Unlock()
	at, err := parseCursor(cursor)
	if err != nil {
		return billing.Batch{}, err
	}
	l.sweep.back(cursor)
	addresses, err := l.watched(ctx)
	if err != nil {
		return billing.Batch{}, err
	}
	r, err := l.read(ctx, addresses, at)
	if err != nil {
		l.sweep.failed()
		return billing.Batch{}, err
	}
	return l.deliver(ctx, cursor, at, r)
}

// reading is what was read from a position on.
type reading struct {
	chain    string
	arrivals []arrival // oldest first, all before next
	next     uint64    // the first checkpoint that was not read to its end
	more     bool      // the node has it already
	begin    uint64    // the oldest checkpoint that the node has
	since    int64     // before which deposits are left out, as in a position
}

// read reads on from a position for all addresses.
func (l *Ledger) read(ctx context.Context, addresses []string, at position) (reading, error) {
	low := l.sweep.low(at.next)
	r, budget := reading{next: maxUInt53, since: at.since}, maxPages
	for some := range slices.Chunk(addresses, addressesAtOnce) {
		v, pages, err := l.node.deposits(ctx, some, low, "")
		if err != nil {
			return r, err
		}
		budget--
		if err := l.suits(v, at); err != nil {
			return r, err
		}
		if at.chain == "" {
			r.since = l.sinceOf(v)
		}
		r.chain, r.begin = v.chain, max(r.begin, v.first)
		for i, p := range pages {
			list, next, err := l.readOn(ctx, some[i], p, low, at.next, &budget)
			if err != nil {
				return r, err
			}
			if next == 0 { // the last page: everything up to the head
				next = v.last + 1
			} else {
				r.more = true
			}
			r.next = min(r.next, next)
			r.arrivals = append(r.arrivals, list...)
		}
	}
	// An address may be further than another: what is beyond is left for the next call. And what moves from one address of
	// ours to another is no payment.
	r.arrivals = slices.DeleteFunc(r.arrivals, func(a arrival) bool {
		return a.checkpoint >= r.next || a.At.UnixMilli() < r.since || slices.Contains(addresses, a.Sender)
	})
	slices.SortStableFunc(r.arrivals, func(a, b arrival) int { return cmp.Compare(a.checkpoint, b.checkpoint) })
	// Services behind one URL are not in step: without progress there is nothing to come back for at once.
	r.more = r.more && r.next > at.next
	return r, nil
}

// sinceOf is where to begin, as in a position: never later than the ledger's own time, for our clock may be ahead of it.
func (l *Ledger) sinceOf(v view) int64 {
	if l.since.Before(v.at) {
		return max(0, l.since.UnixMilli())
	}
	return v.at.UnixMilli()
}

// readOn takes the deposits out of a page that begins at checkpoint low and out of those that follow, until the last page
// or beyond checkpoint past. next is the checkpoint in which it stopped, 0 if there is no more.
func (l *Ledger) readOn(ctx context.Context, address string, p page, low, past uint64, budget *int) (list []arrival, next uint64, err error) {
	for {
		for _, t := range p.transactions {
			d, ok, err := t.deposit(address)
			if err != nil {
				return nil, 0, err
			}
			if ok && !slices.ContainsFunc(list, func(a arrival) bool { return a.ID == d.ID }) {
				list = append(list, arrival{d, t.digest, t.checkpoint})
			}
			next = t.checkpoint
		}
		switch {
		case !p.more:
			return list, 0, nil
		case next > past:
			return list, next, nil
		case *budget <= 0:
			return nil, 0, fmt.Errorf("cannot read on: the node lists more than %d pages up to checkpoint %d (is this the right kind of node?)", maxPages, past)
		}
		*budget--
		v, pages, err := l.node.deposits(ctx, []string{address}, low, p.end)
		if err == nil {
			err = l.see(v)
		}
		if err != nil {
			return nil, 0, err
		}
		p = pages[0]
	}
}

// suits judges what an answer is a view of, as seen from a position.
func (l *Ledger) suits(v view, at position) error {
	if at.chain != "" && v.chain != at.chain {
		return otherChain(l.node.name, v.chain, at.chain)
	}
	if err := l.see(v); err != nil {
		return err
	}
	switch {
	case at.chain == "":
		return nil
	case v.first > at.next:
		return fmt.Errorf("cannot read on: %w: %s has nothing before checkpoint %d, and was read up to %d only (use a node with the full history until it has caught up)",
			ErrPruned, l.node.name, v.first, at.next)
	case v.last+slack < at.next:
		return fmt.Errorf("cannot read on: %w: %s is at checkpoint %d, and %d was read already (it catches up by itself, or use another node)",
			ErrBehind, l.node.name, v.last, at.next)
	}
	return nil
}

// deliver makes a batch of what is new in a reading, as far as the second node confirms it, and the cursor behind it.
func (l *Ledger) deliver(ctx context.Context, cursor string, at position, r reading) (billing.Batch, error) {
	news := l.sweep.news(r.arrivals)
	confirmed, held, err := l.confirm(ctx, news)
	if err != nil && confirmed == 0 {
		l.sweep.failed()
		return billing.Batch{}, err
	}
	next := position{r.chain, at.next, at.serial, r.since}
	complete := confirmed == len(news) && !held
	switch {
	case !complete: // in front of the first that waits, even if its row came late; an error comes again in the next call
		next.next = news[confirmed].checkpoint
	case r.more:
		next.next = r.next
	case len(news) > 0:
		next.next = max(at.next, news[len(news)-1].checkpoint+1)
	case at.chain == "":
		next.next = r.begin
		l.log.Info("ledger read from its beginning", "checkpoint", r.begin)
	default:
		if next.next, err = l.idle(ctx, at.next, r.next); err != nil {
			l.sweep.failed()
			return billing.Batch{}, err
		}
	}
	news = news[:confirmed]
	if len(news) > 0 {
		next.serial++
	} else if complete && !r.more {
		if err := l.standing(); err != nil {
			l.sweep.failed()
			return billing.Batch{}, err
		}
	}
	batch := billing.Batch{Cursor: next.String(), More: complete && r.more}
	for _, a := range news {
		batch.Deposits = append(batch.Deposits, a.Deposit)
	}
	l.sweep.listed(batch.Cursor, news, next.next, !r.more)
	return batch, nil
}

// idle is where the cursor may be when nothing arrived up to before head: where it is, or, rarely, further. A node that
// once told a head far ahead of the truth must not move it: the previous answer, and the second node, bound it.
func (l *Ledger) idle(ctx context.Context, next, head uint64) (uint64, error) {
	bound := min(head, l.sweep.bound(head))
	if bound < next+idleStep {
		return next, nil
	}
	if l.second != nil {
		if err := l.sameChain(ctx); err != nil {
			return next, err
		}
		n, err := l.second.head(ctx)
		if err != nil {
			return next, err
		}
		bound = min(bound, n+1)
	}
	return max(next, bound), nil
}
