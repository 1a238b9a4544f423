//go:build arm || 386

package stardust

import (
	"context"
	"errors"

	"github.com/wattgate/wattgate/billing"
)

// errNarrow is why the network cannot be used here: the library that reads its documents, iota.go, does not compile where
// an int has 32 bits.
var errNarrow = errors.New("cannot use the network stardust on a 32-bit system (use a 64-bit one, as arm64 or amd64, or another ledger.network)")

// Ledger cannot be had on a 32-bit system.
type Ledger struct{ billing.Ledger }

// New says that there is no such ledger on a 32-bit system.
func New(Options) (*Ledger, error) { return nil, errNarrow }

// Run does nothing.
func (*Ledger) Run(context.Context) {}

// ParseAddress says that there are no such addresses on a 32-bit system.
func ParseAddress(string) (hrp string, err error) { return "", errNarrow }
