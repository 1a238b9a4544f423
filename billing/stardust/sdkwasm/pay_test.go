package sdkwasm_test

import (
	"context"
	"testing"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/stardust"
	"github.com/wattgate/wattgate/billing/stardust/sdkwasm"
	"github.com/wattgate/wattgate/billing/stardust/stardusttest"
)

func TestTheOfficialSDKPays(t *testing.T) {
	n := stardusttest.New(t, stardusttest.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // npm may be slow
	defer cancel()
	payer, err := sdkwasm.Install(ctx)
	if err != nil {
		t.Fatal(err)
	}
	from, err := payer.Address(ctx, n.URL)
	if err != nil {
		t.Fatal(err)
	}
	gateway := n.Wallets[1].Address(n.HRP)
	l, err := stardust.New(stardust.Options{Node: n.URL, Addresses: func(context.Context) ([]string, error) { return []string{gateway}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	start, err := l.Deposits(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Pay(ctx, stardusttest.Payment{To: from, Amount: 10_000}); err != nil {
		t.Fatal(err)
	}
	tx, err := payer.Pay(ctx, n.URL, gateway, 500, "wg-abcdefghijklmnop")
	if err != nil {
		t.Fatal(err)
	}
	// The SDK has seen it confirmed, so it is there.
	b, err := l.Deposits(ctx, start.Cursor)
	if err != nil || len(b.Deposits) != 1 {
		t.Fatalf("told %+v, %v", b, err)
	}
	got := b.Deposits[0]
	want := billing.Deposit{ID: got.ID, Address: gateway, Reference: "wg-abcdefghijklmnop", Sender: from, Amount: 500, At: got.At}
	if got.ID[:len(tx)] != tx || got.Sender != want.Sender || got.Reference != want.Reference || got.Amount != want.Amount || got.Hold != "" || got.Address != want.Address {
		t.Errorf("told %+v, want %+v of transaction %s", got, want, tx)
	}
	if balance, err := n.Balance(ctx, from); err != nil || balance != 9_500 {
		t.Errorf("the SDK has %d left, %v", balance, err)
	}
}
