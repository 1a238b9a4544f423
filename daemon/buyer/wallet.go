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
	"net/url"
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

// NewWallet makes the wallet that a name describes, for a gateway: "sandbox", or "stardust:FILE" with a file that holds a
// key, which pays through the node. "" is none: the buyer pays by other means.
func NewWallet(name, node string, t Target) (Wallet, error) {
	kind, file, _ := strings.Cut(name, ":")
	switch {
	case name == "":
		return nil, nil
	case name == billing.SandboxNetwork:
		return sandboxWallet{gateway: t}, nil
	case kind == stardustNetwork && file != "":
		return newStardustWallet(file, node)
	}
	return nil, fmt.Errorf("cannot use the wallet %q: there are sandbox (play money) and stardust:FILE", name)
}

// sandboxWallet pays with play money, over the gateway's own HTTP API.
type sandboxWallet struct{ gateway Target }

// usualWeb is the port of a gateway's web front unless its owner moves it.
const usualWeb = "8080"

// api is where the offer says the HTTP API is. An offer that names no host, because the gateway listens on every address
// and its owner has told it no name, is from where the buyer came.
func (w sandboxWallet) api(offer billing.Offer) (string, error) {
	if offer.Endpoints.HTTP != "" {
		return strings.TrimSuffix(offer.Endpoints.HTTP, "/"), nil
	}
	u, err := url.Parse(w.gateway.Broker)
	if err != nil || u.Hostname() == "" {
		return "", fmt.Errorf("cannot pay with play money: the offer names no HTTP address (the owner sets public.host; %w)", ErrNotPaid)
	}
	return "http://" + net.JoinHostPort(u.Hostname(), usualWeb), nil
}

// Pay implements Wallet.
func (w sandboxWallet) Pay(ctx context.Context, offer billing.Offer, invoice billing.Invoice, amount billing.Units) error {
	if invoice.Network != billing.SandboxNetwork {
		return fmt.Errorf("cannot pay with play money: the invoice asks for real money on %q", invoice.Network)
	}
	api, err := w.api(offer)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{
		"address": invoice.Address, "amount": fmt.Sprint(int64(amount)), "reference": invoice.Reference,
	})
	if err != nil {
		return fmt.Errorf("cannot pay: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, api+"/api/v1/sandbox/pay", bytes.NewReader(body))
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
