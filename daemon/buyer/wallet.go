package buyer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/wattgate/wattgate/billing"
)

// Wallet pays invoices.
type Wallet interface {
	// Pay is called once for an invoice; it must not be called again unless it failed without paying.
	Pay(ctx context.Context, offer billing.Offer, invoice billing.Invoice, amount billing.Units) error
}

// ErrNotPaid is in the error of a payment that certainly did not go out.
var ErrNotPaid = errors.New("nothing was paid")

// NewWallet makes the wallet with a name; "" is none: the buyer pays by other means.
func NewWallet(name string) (Wallet, error) {
	switch name {
	case "":
		return nil, nil
	case billing.SandboxNetwork:
		return sandboxWallet{}, nil
	}
	return nil, fmt.Errorf("cannot use the wallet %q: this version has only sandbox (play money)", name)
}

// sandboxWallet pays with play money, over the gateway's own HTTP API.
type sandboxWallet struct{}

// Pay implements Wallet.
func (sandboxWallet) Pay(ctx context.Context, offer billing.Offer, invoice billing.Invoice, amount billing.Units) error {
	if invoice.Network != billing.SandboxNetwork {
		return fmt.Errorf("cannot pay with play money: the invoice asks for real money on %q", invoice.Network)
	}
	if offer.Endpoints.HTTP == "" {
		return fmt.Errorf("cannot pay with play money: the offer names no HTTP address (the owner sets public.host)")
	}
	body, err := json.Marshal(map[string]string{
		"address": invoice.Address, "amount": fmt.Sprint(int64(amount)), "reference": invoice.Reference,
	})
	if err != nil {
		return fmt.Errorf("cannot pay: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	url := strings.TrimSuffix(offer.Endpoints.HTTP, "/") + "/api/v1/sandbox/pay"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("cannot pay: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return fmt.Errorf("cannot pay with play money: %w (%w)", err, ErrNotPaid)
	}
	if err != nil {
		return fmt.Errorf("cannot pay with play money: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		return fmt.Errorf("cannot pay with play money: the gateway answered %s: %.200q (%w)", res.Status, text, ErrNotPaid)
	}
	return nil
}
