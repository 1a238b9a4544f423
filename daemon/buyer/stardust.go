package buyer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/stardust/wallet"
)

// stardustNetwork is what an invoice calls networks of the Stardust generation.
const stardustNetwork = "stardust"

// stardustWallet pays from a key in a file.
type stardustWallet struct {
	key  *wallet.Wallet
	node string
}

func newStardustWallet(file, node string) (Wallet, error) {
	if node == "" {
		return nil, errors.New("cannot pay without a node: name one with --node URL")
	}
	key, err := wallet.Load(file)
	if err != nil {
		return nil, err
	}
	return stardustWallet{key, node}, nil
}

// Pay implements Wallet. The tag is the reference.
func (w stardustWallet) Pay(ctx context.Context, _ billing.Offer, invoice billing.Invoice, amount billing.Units) error {
	if invoice.Network != stardustNetwork {
		return fmt.Errorf("cannot pay: this wallet is for %s, the invoice asks for money on %q (%w)", stardustNetwork, invoice.Network, ErrNotPaid)
	}
	_, err := w.key.Pay(ctx, w.node, invoice.Address, amount, []byte(invoice.Reference), nil)
	if errors.Is(err, wallet.ErrNotPaid) {
		return fmt.Errorf("%w (%w)", errors.New(strings.TrimSpace(err.Error())), ErrNotPaid)
	}
	return err
}
