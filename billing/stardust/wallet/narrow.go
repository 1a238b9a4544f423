//go:build arm || 386

package wallet

import (
	"context"
	"errors"

	"github.com/wattgate/wattgate/billing"
)

// errNarrow is why nothing can be paid here: the library that writes the network's documents, iota.go, does not compile
// where an int has 32 bits.
var errNarrow = errors.New("cannot pay on a Stardust network from a 32-bit system (use a 64-bit one, as arm64 or amd64)")

// ErrNotPaid is in the error of a payment that certainly did not happen.
var ErrNotPaid = errors.New("nothing was paid")

// Wallet cannot be had on a 32-bit system.
type Wallet struct{}

// Load says that there is no such wallet on a 32-bit system.
func Load(string) (*Wallet, error) { return nil, errNarrow }

// Pay says that nothing was paid.
func (*Wallet) Pay(context.Context, string, string, billing.Units, []byte, []byte) (txid string, err error) {
	return "", errors.Join(errNarrow, ErrNotPaid)
}
