//go:build !arm && !386

package stardust

import (
	"errors"
	"fmt"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/stardust/node"
)

// What a ledger can be refused for. In each case nothing is credited and nothing is skipped: the same cursor is asked for
// again.
var (
	// ErrOtherChain: the node's milestones do not follow on what was read before.
	ErrOtherChain = errors.New("the node's ledger is not the one that was read before")
	// ErrBehind: the node does not have yet what was read before.
	ErrBehind = errors.New("the node is behind what was read before")
	// ErrPruned: the node has deleted milestones that were not read yet.
	ErrPruned = errors.New("the node has deleted milestones that were not read yet")
	// ErrMissing: the node does not have what it says it has.
	ErrMissing = errors.New("the node does not have what it says it has")
	// ErrAddress: an address belongs to another network than the node's.
	ErrAddress = errors.New("an address belongs to another network")
	// ErrLagging: the newest milestone is too old.
	ErrLagging = errors.New("the newest milestone is old")
	// ErrCursor: the cursor is not one of this package's.
	ErrCursor = errors.New("the cursor is not of a Stardust ledger")
)

// MaxHeadAge is how old the newest milestone may be. Public networks had one every 5 to 10 s; a node that was restarted
// catches up within a minute.
const MaxHeadAge = 2 * time.Minute

// CheckHead judges by the age of the newest milestone whether the node follows its network. A node's own word for that,
// isHealthy, needs peers and says nothing on a private network.
func CheckHead(h billing.Head, now time.Time) error {
	if age := now.Sub(h.At); age > MaxHeadAge {
		return fmt.Errorf("%w: milestone %d is %s old (either the node lags or the network stands still; see the node's log)",
			ErrLagging, h.Sequence, age.Round(time.Second))
	}
	return nil
}

// missing explains a 404 for something that the node should have.
func missing(err error, what string, index uint32) error {
	if !node.NotFound(err) {
		return err
	}
	return fmt.Errorf("%w: %s of milestone %d: %w (was it deleted this moment, or is the node's database damaged?)", ErrMissing, what, index, err)
}
