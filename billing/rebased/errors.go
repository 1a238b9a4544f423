package rebased

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// What may be wrong with a node; each error of Ledger is at most one of them. None of them moves the cursor, and calling
// again later is right after each.
var (
	// ErrOtherChain: another chain answers than before.
	ErrOtherChain = errors.New("another chain")
	// ErrBehind: the newest checkpoint is older than what was read already.
	ErrBehind = errors.New("the node fell behind")
	// ErrStalled: the newest checkpoint has been the same for a minute.
	ErrStalled = errors.New("the node stands still")
	// ErrPruned: the node no longer has checkpoints that were not read.
	ErrPruned = errors.New("history is missing")
	// ErrUnconfirmed: the second node has not known a deposit for a minute.
	ErrUnconfirmed = errors.New("a deposit waits for the second node")
	// ErrDisagree: the two nodes tell different things of a deposit.
	ErrDisagree = errors.New("the nodes disagree")
)

// BusyError says that a node has no time: HTTP 429 or 5xx, or a JSON-RPC error without an id. Calling again later is right.
type BusyError struct {
	// Node is the URL without credentials and query.
	Node string
	// Reason is what it said.
	Reason string
	// Wait is how long it wants to be left alone, 0 to MaxWait; 0 if it did not say. The Ledger keeps to it by itself and
	// returns this error without asking until then.
	Wait time.Duration
}

// MaxWait is the longest time that a node's wish to be left alone is granted.
const MaxWait = 10 * time.Minute

// Error says who is busy, and for how long.
func (e *BusyError) Error() string {
	text := fmt.Sprintf("node %s is busy: %s", e.Node, e.Reason)
	if e.Wait > 0 {
		text += fmt.Sprintf(" (asked again in %s)", e.Wait.Round(time.Second))
	}
	return text
}

// RetryAfter is Wait.
func (e *BusyError) RetryAfter() time.Duration { return e.Wait }

// maxClean is the longest text of a stranger in an error, in bytes.
const maxClean = 160

// clean makes a stranger's text fit for an error: printable, on one line, short.
func clean(text string) string {
	cut := len(text) > maxClean
	if cut {
		text = text[:maxClean]
	}
	text = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if cut {
		text += "…"
	}
	return text
}
