package billingtest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/wattgate/wattgate/billing"
)

// Ledger is a billing.Ledger in memory that misbehaves as told. The zero value is empty and well behaved. All methods
// may be called at the same time.
type Ledger struct {
	mu       sync.Mutex // guards what follows
	deposits []billing.Deposit
	faults   Faults
	calls    int
}

// Faults says how a Ledger misbehaves.
type Faults struct {
	// Err is returned by every call until it is nil again.
	Err error
	// Repeat lists each deposit again in every later batch.
	Repeat bool
	// Reverse lists the newest deposit of a batch first.
	Reverse bool
	// Lag keeps so many of the newest deposits back.
	Lag int
	// Batch is the largest number of new deposits in a batch; 0: all.
	Batch int
	// Chain replaces the identity, as when another network answers.
	Chain string
}

// Set replaces the faults.
func (l *Ledger) Set(f Faults) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = f
}

// Add makes a deposit arrive; an empty ID is filled in. It returns the ID.
func (l *Ledger) Add(d billing.Deposit) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d.ID == "" {
		d.ID = fmt.Sprintf("deposit-%d", len(l.deposits)+1)
	}
	l.deposits = append(l.deposits, d)
	return d.ID
}

// Calls is how often Deposits was asked.
func (l *Ledger) Calls() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

// Identity implements billing.Ledger.
func (l *Ledger) Identity(context.Context) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.faults.Chain != "" {
		return l.faults.Chain, l.faults.Err
	}
	return "billingtest", l.faults.Err
}

// Head implements billing.Ledger.
func (l *Ledger) Head(context.Context) (billing.Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := l.visible()
	var last time.Time
	if seen > 0 {
		last = l.deposits[seen-1].At
	}
	return billing.Head{Sequence: uint64(seen), At: last}, l.faults.Err
}

func (l *Ledger) visible() int { return max(0, len(l.deposits)-l.faults.Lag) }

// Deposits implements billing.Ledger. The cursor is the number of deposits listed so far.
func (l *Ledger) Deposits(_ context.Context, cursor string) (billing.Batch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.faults.Err != nil {
		return billing.Batch{}, l.faults.Err
	}
	from := 0
	if cursor != "" {
		n, err := strconv.Atoi(cursor)
		if err != nil || n < 0 {
			return billing.Batch{}, fmt.Errorf("cannot read on from cursor %q", cursor)
		}
		from = n
	}
	seen := l.visible()
	from = min(from, seen)
	to := seen
	if l.faults.Batch > 0 {
		to = min(seen, from+l.faults.Batch)
	}
	first := from
	if l.faults.Repeat {
		first = 0
	}
	list := append([]billing.Deposit(nil), l.deposits[first:to]...)
	if l.faults.Reverse {
		slices.Reverse(list)
	}
	return billing.Batch{Deposits: list, Cursor: strconv.Itoa(to), More: to < seen}, nil
}
