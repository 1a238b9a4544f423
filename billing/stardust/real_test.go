package stardust_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	iotago "github.com/iotaledger/iota.go/v3"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/stardust"
	"github.com/wattgate/wattgate/billing/stardust/stardusttest"
	"github.com/wattgate/wattgate/billing/stardust/wallet"
)

var _ billing.Ledger = (*stardust.Ledger)(nil)

// gateway watches an address as a gateway does: it keeps the cursor, and what it was told.
type gateway struct {
	t       *testing.T
	ledger  *stardust.Ledger
	wallet  *wallet.Wallet // of the owner, elsewhere
	address string
	cursor  string
	told    []billing.Deposit
}

// watch begins at the newest milestone of the node at url, with a fresh address.
func watch(t *testing.T, n *stardusttest.Network, url string) *gateway {
	t.Helper()
	w, err := wallet.Create(t.TempDir() + "/owner.key")
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, wallet: w, address: w.Address(n.HRP)}
	g.ledger, err = stardust.New(stardust.Options{Node: url, Addresses: func(context.Context) ([]string, error) { return []string{g.address}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	b, err := g.ledger.Deposits(t.Context(), "")
	if err != nil || len(b.Deposits) != 0 {
		t.Fatalf("began with %+v, %v", b, err)
	}
	g.cursor = b.Cursor
	return g
}

// step asks once; the cursor moves only if that went well.
func (g *gateway) step() error {
	b, err := g.ledger.Deposits(g.t.Context(), g.cursor)
	if err != nil {
		if b.Cursor != "" || len(b.Deposits) != 0 {
			g.t.Errorf("a failure came with a batch: %+v", b)
		}
		return err
	}
	if len(b.Cursor) > 512 {
		g.t.Errorf("cursor of %d bytes", len(b.Cursor))
	}
	g.cursor, g.told = b.Cursor, append(g.told, b.Deposits...)
	if b.More {
		return g.step()
	}
	return nil
}

// find reads on until the deposit is told, and checks that none was told twice.
func (g *gateway) find(id string) billing.Deposit {
	g.t.Helper()
	var found *billing.Deposit
	eventually(g.t, "deposit "+id, func() error {
		if err := g.step(); err != nil {
			return err
		}
		seen := map[string]bool{}
		for i, d := range g.told {
			if seen[d.ID] {
				g.t.Fatalf("%s was told twice", d.ID)
			}
			seen[d.ID] = true
			if d.ID == id {
				found = &g.told[i]
			}
		}
		if found == nil {
			return errors.New("not told")
		}
		return nil
	})
	return *found
}

// eventually polls a real network.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func mustPay(t *testing.T, n *stardusttest.Network, p stardusttest.Payment) stardusttest.Paid {
	t.Helper()
	paid, err := n.Pay(stardusttest.Context(t), p)
	if err != nil {
		t.Fatal(err)
	}
	return paid
}

// One network for everything that leaves it whole.
func TestOnARealNode(t *testing.T) {
	n := stardusttest.New(t, stardusttest.Options{})
	for name, test := range map[string]func(*testing.T, *stardusttest.Network){
		"a payment arrives whole":                             paymentArrives,
		"500 with a tag is a payment and 400 is refused":      leastPayment,
		"one transaction may pay several times":               severalAtOnce,
		"what is no plain money is held":                      heldOutputs,
		"what the owner moves is held":                        ownMoves,
		"a double spend counts once":                          doubleSpend,
		"a restart of the node loses nothing":                 nodeRestart,
		"a node out of reach for milestones loses nothing":    nodeAway,
		"faults neither lose nor repeat a deposit":            faults,
		"a lying head leaves no gap":                          lyingHead,
		"the time a gateway began is found":                   since,
		"a new milestone is told in time":                     changed,
		"the books agree with the node's":                     reconcile,
		"an address of another network is refused":            wrongAddress,
		"a network that stands still is noticed":              lagging,
		"the wallet says for certain that nothing was paid":   walletRefusals,
		"an order's worth of metadata needs a larger deposit": sealedOrder,
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) { test(t, n) })
	}
}

func paymentArrives(t *testing.T, n *stardusttest.Network) {
	g := watch(t, n, n.URL)
	before := time.Now().Truncate(time.Second)
	paid := mustPay(t, n, stardusttest.Payment{To: g.address, Amount: 1234, Tag: "wg-abcdefghijklmnop", Metadata: []byte("sealed\x00\xff"), From: 1})
	d := g.find(paid.OutputID)
	if d.At.Before(before) || d.At.After(time.Now().Add(5*time.Second)) {
		t.Errorf("it came at %s, after %s", d.At, before)
	}
	want := billing.Deposit{ID: paid.OutputID, Address: g.address, Reference: "wg-abcdefghijklmnop", Sender: n.Wallets[1].Address(n.HRP), Amount: 1234, At: d.At, Metadata: d.Metadata}
	if fmt.Sprint(d) != fmt.Sprint(want) || !bytes.Equal(d.Metadata, []byte("sealed\x00\xff")) {
		t.Errorf("told %+v\nwant %+v", d, want)
	}
}

func severalAtOnce(t *testing.T, n *stardusttest.Network) {
	g := watch(t, n, n.URL)
	var outputs []iotago.Output
	for i := range 5 {
		o, err := n.Output(stardusttest.Payment{To: g.address, Amount: billing.Units(600 + i), Tag: fmt.Sprintf("wg-%d", i)})
		if err != nil {
			t.Fatal(err)
		}
		outputs = append(outputs, o)
	}
	paid, err := n.Send(stardusttest.Context(t), 0, outputs...)
	if err != nil {
		t.Fatal(err)
	}
	g.find(paid.OutputID)
	if len(g.told) != 5 {
		t.Fatalf("told %+v", g.told)
	}
	for i, d := range g.told {
		if d.Amount != billing.Units(600+i) || d.Reference != fmt.Sprintf("wg-%d", i) {
			t.Errorf("output %d: %+v", i, d)
		}
	}
}

func heldOutputs(t *testing.T, n *stardusttest.Network) {
	g := watch(t, n, n.URL)
	later := time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		payment stardusttest.Payment
		hold    string
		amount  billing.Units
	}{
		"return":   {stardusttest.Payment{Amount: 2000, Return: 700}, "must be sent back", 1300},
		"expires":  {stardusttest.Payment{Amount: 2000, Expires: later}, "goes back to its payer", 2000},
		"timelock": {stardusttest.Payment{Amount: 2000, Locked: later}, "is locked until", 2000},
	} {
		c.payment.To, c.payment.Tag = g.address, name
		d := g.find(mustPay(t, n, c.payment).OutputID)
		if !strings.Contains(d.Hold, c.hold) || d.Amount != c.amount || d.Reference != name {
			t.Errorf("%s: %+v", name, d)
		}
	}
	_, owner, err := iotago.ParseBech32(g.address)
	if err != nil {
		t.Fatal(err)
	}
	nft := &iotago.NFTOutput{Amount: 5000, Conditions: iotago.UnlockConditions{&iotago.AddressUnlockCondition{Address: owner}}}
	alias := &iotago.AliasOutput{Amount: 5000, Conditions: iotago.UnlockConditions{
		&iotago.StateControllerAddressUnlockCondition{Address: owner}, &iotago.GovernorAddressUnlockCondition{Address: owner}}}
	for hold, o := range map[string]iotago.Output{"NFT": nft, "alias": alias} {
		paid, err := n.Send(stardusttest.Context(t), 0, o)
		if err != nil {
			t.Fatal(err)
		}
		if d := g.find(paid.OutputID); !strings.Contains(d.Hold, hold) || d.Amount != 5000 {
			t.Errorf("%s: %+v", hold, d)
		}
	}
}

func doubleSpend(t *testing.T, n *stardusttest.Network) {
	g := watch(t, n, n.URL)
	won, lost, err := n.DoubleSpend(stardusttest.Context(t),
		stardusttest.Payment{To: g.address, Amount: 700, Tag: "wg-one"}, stardusttest.Payment{To: g.address, Amount: 700, Tag: "wg-two"})
	if err != nil {
		t.Fatal(err)
	}
	g.find(won.OutputID)
	g.find(mustPay(t, n, stardusttest.Payment{To: g.address, Amount: 800}).OutputID)
	for _, d := range g.told {
		if d.ID == lost.OutputID {
			t.Errorf("money that was never there was told: %+v", d)
		}
	}
	if len(g.told) != 2 {
		t.Errorf("told %+v", g.told)
	}
}

func reconcile(t *testing.T, n *stardusttest.Network) {
	g := watch(t, n, n.URL)
	var last stardusttest.Paid
	for i := range 5 {
		last = mustPay(t, n, stardusttest.Payment{To: g.address, Amount: billing.Units(500 + 37*i), Tag: "wg-x", From: i % 2})
	}
	g.find(last.OutputID)
	var sum billing.Units
	for _, d := range g.told {
		sum += d.Amount
	}
	balance, err := n.Balance(t.Context(), g.address)
	if err != nil || sum != balance || sum != 2870 {
		t.Errorf("told %d, the node says %d, %v", sum, balance, err)
	}
}

func wrongAddress(t *testing.T, n *stardusttest.Network) {
	l, err := stardust.New(stardust.Options{Node: n.URL, Addresses: func(context.Context) ([]string, error) {
		return []string{n.Wallets[0].Address("smr")}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Deposits(t.Context(), ""); !errors.Is(err, stardust.ErrAddress) {
		t.Errorf("err = %v", err)
	}
}

// changed holds the promise of Run: the newest milestone is known a fraction of a second after the node confirms it.
func changed(t *testing.T, n *stardusttest.Network) {
	g := watch(t, n, n.URL)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { g.ledger.Run(ctx); close(ended) }()
	<-g.ledger.Changed() // the present one
	var worst time.Duration
	limit := stardusttest.Context(t)
	for range 5 {
		o, err := n.Output(stardusttest.Payment{To: g.address, Amount: 500, From: 2})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan time.Time, 1)
		go func() {
			if _, err := n.Send(limit, 2, o); err != nil {
				t.Error(err)
			}
			done <- time.Now()
		}()
		told := len(g.told)
		for len(g.told) == told {
			select {
			case <-g.ledger.Changed():
			case <-limit.Done():
				t.Fatal("the deposit was not told")
			}
			if err := g.step(); err != nil {
				t.Fatal(err)
			}
		}
		at := time.Now()
		worst = max(worst, at.Sub(<-done))
	}
	t.Logf("a deposit was told at most %s after its payer knew", worst)
	if worst > 900*time.Millisecond {
		t.Errorf("it took %s", worst)
	}
	cancel()
	<-ended
}

func lagging(t *testing.T, n *stardusttest.Network) {
	ctx := stardusttest.Context(t)
	l, err := stardust.New(stardust.Options{Node: n.URL, Addresses: func(context.Context) ([]string, error) { return nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Pause(ctx); err != nil {
		t.Fatal(err)
	}
	head, err := l.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stardust.CheckHead(head, head.At.Add(time.Minute)); err != nil {
		t.Errorf("a minute without a milestone: %v", err)
	}
	if err := stardust.CheckHead(head, head.At.Add(3*time.Minute)); !errors.Is(err, stardust.ErrLagging) {
		t.Errorf("three minutes without a milestone: %v", err)
	}
	if err := n.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	next, err := n.Head(ctx)
	if err != nil || uint64(next.Index) <= head.Sequence {
		t.Errorf("after the pause: %+v, %v", next, err)
	}
}
