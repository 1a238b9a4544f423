//go:build linux

package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/sandbox"
	"github.com/wattgate/wattgate/daemon"
)

// fillAtOnce orders are placed before they are paid: fewer than may be open.
const fillAtOnce = 400

// fill sells n grants into a state directory on which nothing runs, each ordered, paid and credited as a buyer's is.
func fill(ctx context.Context, state string, n int) error {
	dirs := daemon.Dirs{State: state, Runtime: state}
	id, err := billing.LoadIdentity(dirs.Identity())
	if err != nil {
		return err
	}
	store, err := billing.Open(ctx, dirs.Database(), billing.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	ledger, err := sandbox.Open(filepath.Join(state, "sandbox.ledger"))
	if err != nil {
		return err
	}
	defer func() { _ = ledger.Close() }()
	shop, err := billing.NewShop(store, id, billing.Terms{
		Network: billing.Network{Name: billing.SandboxNetwork, Address: "play-money-" + id.Fingerprint()[:16], Decimals: 6},
		Product: billing.Product{ID: "live", Topics: []string{"sensor/live", "sensor/live/w"}, RateHz: 2, MeterRefreshMS: 2000},
		Price:   billing.Price{Amount: 500, Period: 24 * 60 * 60, MinPeriods: 1},
		Selling: true, Text: "A benchmark.",
	}, nil)
	if err != nil {
		return err
	}
	for first := 0; first < n; first += fillAtOnce {
		if err := sell(ctx, shop, ledger, id.Fingerprint(), first, min(first+fillAtOnce, n)); err != nil {
			return err
		}
	}
	return nil
}

// sell sells the grants of users first to end.
func sell(ctx context.Context, shop *billing.Shop, ledger *sandbox.Ledger, fingerprint string, first, end int) error {
	raw, err := shop.Offer(ctx, time.Now())
	if err != nil {
		return err
	}
	offer, err := billing.VerifyOffer(raw, fingerprint)
	if err != nil {
		return err
	}
	for i := first; i < end; i++ {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		reply, err := billing.NewReplyKey()
		if err != nil {
			return err
		}
		sealed, err := billing.SealOrder(billing.Order{
			ID: billing.NewOrderID(), Product: "live", Periods: 1, Username: "user-" + strconv.Itoa(i), ReplyKey: billing.PublicText(reply),
			NotAfter: billing.Stamp{Time: time.Now().Add(5 * time.Minute).UTC().Truncate(time.Millisecond)},
		}, offer, key)
		if err != nil {
			return err
		}
		doc, err := shop.PlaceOrder(ctx, sealed, billing.Origin{Transport: billing.ByMQTT}, time.Now())
		if err != nil {
			return err
		}
		invoice, err := billing.VerifyInvoice(doc, fingerprint)
		if err != nil {
			return fmt.Errorf("%w\n%s", err, doc)
		}
		if _, err := ledger.Pay(ctx, invoice.Address, 500, invoice.Reference); err != nil {
			return err
		}
	}
	for more := true; more; {
		cursor, err := shop.Cursor(ctx)
		if err != nil {
			return err
		}
		batch, err := ledger.Deposits(ctx, cursor)
		if err != nil {
			return err
		}
		if more = batch.More; len(batch.Deposits) == 0 {
			break
		}
		if _, err := shop.Credit(ctx, batch, time.Now()); err != nil {
			return err
		}
	}
	return nil
}
