package billing

import (
	"context"
	"time"
)

// Ledger is a source of final deposits. A ledger that can tell when something new has arrived also has a method
// Changed() <-chan struct{}; one that cannot is asked again and again.
type Ledger interface {
	// Identity names the chain, so that another one behind the same address is noticed.
	Identity(ctx context.Context) (string, error)
	// Head is the newest state the ledger knows of.
	Head(ctx context.Context) (Head, error)
	// Deposits lists what arrived after the cursor, oldest first; the empty cursor is the beginning. A deposit may be
	// listed more than once over the life of a ledger, but never be left out.
	Deposits(ctx context.Context, cursor string) (Batch, error)
}

// Head is how far a ledger has come.
type Head struct {
	// Sequence grows with the ledger: a milestone, a checkpoint, a line number.
	Sequence uint64
	// At is the ledger's own time of it.
	At time.Time
}

// Batch is a run of deposits and the cursor behind it; both are stored in one transaction.
type Batch struct {
	Deposits []Deposit
	// Cursor continues after this batch; opaque, at most 512 bytes.
	Cursor string
	// More says that the next batch is there already.
	More bool
}

// Deposit is money that has finally arrived. Text in it was written by strangers.
type Deposit struct {
	// ID is unique within the network: transaction and output.
	ID string
	// Address is where it arrived.
	Address string
	// Reference is what the payer attached (tag, memo), or what the ledger derived.
	Reference string
	// Sender is the paying address where the ledger tells it.
	Sender string
	// Amount is the net amount received.
	Amount Units
	// At is the ledger's time of it.
	At time.Time
	// Metadata is what the payer attached beside the reference: a sealed order, if it is one of ours. It is looked at once
	// and not stored.
	Metadata []byte
	// Hold, when it is not empty, says why the deposit must not be credited by itself (it is bound to conditions, or brought
	// something that is no money of ours). It is then listed as unassigned with this text.
	Hold string
}
