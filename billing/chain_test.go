package billing

import (
	"context"
	"errors"
	"testing"
)

func TestAnotherChainIsNotTakenForTheOldOne(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceTag)
	ctx := context.Background()
	w.must(w.shop.PinLedger(ctx, "stardust", "private-1", w.now))
	w.must(w.shop.PinLedger(ctx, "stardust", "private-1", w.now))
	w.must(w.shop.PinLedger(ctx, "rebased", "6364aad5", w.now)) // another network is another matter
	w.reopen()
	w.credit(w.pay(w.buy(newBuyer(1), Order{}), 500_000))
	err := w.shop.PinLedger(ctx, "stardust", "private-2", w.now)
	other, ok := errors.AsType[*ChainError](err)
	if !ok || other.Pinned != "private-1" || other.Found != "private-2" || other.Network != "stardust" {
		t.Fatalf("err = %v", err)
	}
	if cursor, err := w.shop.Cursor(ctx); err != nil || cursor != "1" {
		t.Errorf("cursor %q, %v", cursor, err)
	}
	w.must(w.shop.AcceptLedger(ctx, "stardust", "private-2", w.now))
	w.must(w.shop.PinLedger(ctx, "stardust", "private-2", w.now))
	if cursor, err := w.shop.Cursor(ctx); err != nil || cursor != "" {
		t.Errorf("cursor %q, %v: the new chain is to be read from its beginning", cursor, err)
	}
	if len(w.accounts()) != 1 {
		t.Error("what was bought with real money ended with its chain")
	}
	w.credit(w.pay(w.buy(newBuyer(2), Order{}), 700_000))
	w.must(w.shop.AcceptLedger(ctx, "stardust", "private-1", w.now))
	if cursor, err := w.shop.Cursor(ctx); err != nil || cursor != "1" {
		t.Errorf("cursor %q, %v: the old chain goes on where it was left", cursor, err)
	}
	if told := w.journal("ledger"); len(told) != 4 {
		t.Errorf("the journal tells of %v", told)
	}
	totals, err := w.shop.Totals(ctx)
	w.must(err)
	if len(totals) != 2 || totals[0].Chain != "private-1" || totals[0].Amount != 500_000 || totals[1].Chain != "private-2" || totals[1].Amount != 700_000 {
		t.Errorf("totals %+v", totals)
	}
	for _, bad := range []string{"", "two\nlines", string(make([]byte, 201))} {
		if w.shop.PinLedger(ctx, "stardust", bad, w.now) == nil || w.shop.AcceptLedger(ctx, "stardust", bad, w.now) == nil {
			t.Errorf("identity %q was taken", bad)
		}
	}
}

func TestPlayMoneyMayComeFromAnyFile(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.must(w.shop.PinLedger(ctx, SandboxNetwork, "file-1", w.now))
	w.credit(w.pay(w.buy(newBuyer(1), Order{}), 500))
	w.must(w.shop.PinLedger(ctx, SandboxNetwork, "file-2", w.now))
	if cursor, err := w.shop.Cursor(ctx); err != nil || cursor != "" {
		t.Errorf("cursor %q, %v", cursor, err)
	}
}

// TestSameIDOnTwoNetworksIsTwoDeposits: ids are unique within a network, not among them.
func TestSameIDOnTwoNetworksIsTwoDeposits(t *testing.T) {
	w := newWorld(t)
	for _, kind := range []ReferenceKind{ReferenceTag, ReferenceAmount} {
		w.use(kind)
		v := w.buy(newBuyer(1), Order{})
		d := w.exact(v)
		d.ID = "the-same"
		w.credit(d, d)
	}
	if p, _ := w.shop.Payments(context.Background(), 0); len(p) != 2 || p[0].Order == p[1].Order || p[0].Order == "" || p[1].Order == "" {
		t.Errorf("payments %+v", p)
	}
}
