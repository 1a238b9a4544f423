package stardust_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/billing/stardust"
	"github.com/wattgate/wattgate/billing/stardust/stardusttest"
	"github.com/wattgate/wattgate/billing/stardust/wallet"
)

func leastPayment(t *testing.T, n *stardusttest.Network) {
	g := watch(t, n, n.URL)
	paid := mustPay(t, n, stardusttest.Payment{To: g.address, Amount: 500, Tag: "wg-abcdefghijklmnop"})
	if d := g.find(paid.OutputID); d.Amount != 500 {
		t.Errorf("%d arrived", d.Amount)
	}
	_, err := n.Pay(stardusttest.Context(t), stardusttest.Payment{To: g.address, Amount: 400, Tag: "wg-abcdefghijklmnop"})
	if !errors.Is(err, wallet.ErrNotPaid) {
		t.Errorf("the network took 400: %v", err)
	}
	// What we compute is what the network demands, to the unit.
	least := stardust.MinDeposit(1, 19, 0)
	mustPay(t, n, stardusttest.Payment{To: g.address, Amount: least, Tag: "wg-abcdefghijklmnop"})
	if _, err := n.Pay(stardusttest.Context(t), stardusttest.Payment{To: g.address, Amount: least - 1, Tag: "wg-abcdefghijklmnop"}); !errors.Is(err, wallet.ErrNotPaid) {
		t.Errorf("the network took %d: %v", least-1, err)
	}
}

func sealedOrder(t *testing.T, n *stardusttest.Network) {
	g := watch(t, n, n.URL)
	order := bytes.Repeat([]byte{0xA5}, 2048)
	least := stardust.MinDeposit(1, 19, len(order))
	if least < 2400 || least > 2600 {
		t.Errorf("a sealed order takes %d units", least)
	}
	ctx := stardusttest.Context(t)
	if _, err := n.Wallets[0].Pay(ctx, n.URL, g.address, least-1, []byte("wg-abcdefghijklmnop"), order); !errors.Is(err, wallet.ErrNotPaid) {
		t.Errorf("%d units were paid: %v", least-1, err)
	}
	if _, err := n.Wallets[0].Pay(ctx, n.URL, g.address, least, []byte("wg-abcdefghijklmnop"), order); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the order", func() error {
		if err := g.step(); err != nil || len(g.told) == 0 {
			return errors.Join(err, errors.New("not told"))
		}
		return nil
	})
	if !bytes.Equal(g.told[0].Metadata, order) {
		t.Error("the order did not arrive whole")
	}
}

func walletRefusals(t *testing.T, n *stardusttest.Network) {
	ctx := stardusttest.Context(t)
	poor, err := wallet.Create(t.TempDir() + "/poor.key")
	if err != nil {
		t.Fatal(err)
	}
	to := n.Wallets[0].Address(n.HRP)
	for name, pay := range map[string]func() (string, error){
		"no money":   func() (string, error) { return poor.Pay(ctx, n.URL, to, 500, nil, nil) },
		"too little": func() (string, error) { return n.Wallets[1].Pay(ctx, n.URL, to, 1, nil, nil) },
		"another network": func() (string, error) {
			return n.Wallets[1].Pay(ctx, n.URL, n.Wallets[0].Address("smr"), 500, nil, nil)
		},
		"no node":    func() (string, error) { return n.Wallets[1].Pay(ctx, "http://127.0.0.1:1", to, 500, nil, nil) },
		"a long tag": func() (string, error) { return n.Wallets[1].Pay(ctx, n.URL, to, 500, make([]byte, 65), nil) },
	} {
		if _, err := pay(); !errors.Is(err, wallet.ErrNotPaid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The node takes the block and the answer is lost: nobody can be certain.
	proxy := stardusttest.NewProxy(t, n.URL)
	proxy.Set(stardusttest.On("/core/v2/blocks", func(r *http.Request, a *stardusttest.Answer) { a.Drop = true }))
	short, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := n.Wallets[1].Pay(short, proxy.URL, to, 500, nil, nil); err == nil || errors.Is(err, wallet.ErrNotPaid) {
		t.Errorf("an answer that was lost: %v", err)
	}
	if _, err := n.Head(ctx); err != nil { // lets the payment become final before the next test spends
		t.Error(err)
	}
}

func ownMoves(t *testing.T, n *stardusttest.Network) {
	g := watch(t, n, n.URL)
	g.find(mustPay(t, n, stardusttest.Payment{To: g.address, Amount: 5000, Tag: "wg-in"}).OutputID)
	// The owner pays 1000 of it to somebody; the change comes back.
	id, err := g.wallet.Pay(stardusttest.Context(t), n.URL, n.Wallets[0].Address(n.HRP), 1000, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := g.find(id + "0100")
	if d.Amount != 4000 || !strings.Contains(d.Hold, "the gateway's own") || d.Sender != g.address {
		t.Errorf("the change: %+v", d)
	}
}
