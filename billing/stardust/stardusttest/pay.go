package stardusttest

import (
	"context"
	"errors"
	"fmt"
	"time"

	iotago "github.com/iotaledger/iota.go/v3"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/stardust/node"
	"github.com/wattgate/wattgate/billing/stardust/wallet"
)

// Payment is what to pay. Only To and Amount are needed.
type Payment struct {
	To     string // address in bech32
	Amount billing.Units
	Tag    string
	// Metadata goes along.
	Metadata []byte
	// From is the wallet that pays, by its number.
	From int
	// Return is how much of it must be sent back to the payer.
	Return billing.Units
	// Expires is when it goes back to the payer, Locked until when it cannot be spent; zero is never.
	Expires, Locked time.Time
}

// Paid is a payment that is final.
type Paid struct {
	TransactionID string
	// OutputID is that of the payment's first output: the id of the deposit.
	OutputID string
}

// Pay pays and waits until it is final. Nothing is checked before: the network refuses what it does not allow.
func (n *Network) Pay(ctx context.Context, p Payment) (Paid, error) {
	o, err := n.Output(p)
	if err != nil {
		return Paid{}, err
	}
	return n.Send(ctx, p.From, o)
}

// Send makes these outputs from a wallet and waits until they are final.
func (n *Network) Send(ctx context.Context, from int, outputs ...iotago.Output) (Paid, error) {
	tx, err := n.Wallets[from].Prepare(ctx, n.Node, outputs...)
	if err != nil {
		return Paid{}, err
	}
	paid, err := paidBy(tx)
	return paid, errors.Join(err, wallet.Send(ctx, n.Node, tx))
}

func paidBy(tx *iotago.Transaction) (Paid, error) {
	id, err := tx.ID()
	return Paid{TransactionID: id.ToHex(), OutputID: iotago.OutputIDFromTransactionIDAndIndex(id, 0).ToHex()}, err
}

// Output is the output of a payment.
func (n *Network) Output(p Payment) (*iotago.BasicOutput, error) {
	_, to, err := iotago.ParseBech32(p.To)
	if err != nil {
		return nil, err
	}
	_, payer, err := iotago.ParseBech32(n.Wallets[p.From].Address(n.HRP))
	if err != nil {
		return nil, err
	}
	o := &iotago.BasicOutput{Amount: uint64(p.Amount), Conditions: iotago.UnlockConditions{&iotago.AddressUnlockCondition{Address: to}}}
	if p.Return > 0 {
		o.Conditions = append(o.Conditions, &iotago.StorageDepositReturnUnlockCondition{ReturnAddress: payer, Amount: uint64(p.Return)})
	}
	if !p.Locked.IsZero() {
		o.Conditions = append(o.Conditions, &iotago.TimelockUnlockCondition{UnixTime: uint32(p.Locked.Unix())})
	}
	if !p.Expires.IsZero() {
		o.Conditions = append(o.Conditions, &iotago.ExpirationUnlockCondition{ReturnAddress: payer, UnixTime: uint32(p.Expires.Unix())})
	}
	if len(p.Metadata) > 0 {
		o.Features = append(o.Features, &iotago.MetadataFeature{Data: p.Metadata})
	}
	if p.Tag != "" {
		o.Features = append(o.Features, &iotago.TagFeature{Tag: []byte(p.Tag)})
	}
	return o, nil
}

// DoubleSpend sends two payments that spend the same money and waits until the network has decided.
func (n *Network) DoubleSpend(ctx context.Context, a, b Payment) (won, lost Paid, err error) {
	info, err := n.Node.Info(ctx)
	if err != nil {
		return won, lost, err
	}
	var blocks [2]iotago.BlockID
	var paid [2]Paid
	var txs [2]*iotago.Transaction
	for i, p := range []Payment{a, b} {
		p.From = a.From
		o, err := n.Output(p)
		if err != nil {
			return won, lost, err
		}
		if txs[i], err = n.Wallets[p.From].Prepare(ctx, n.Node, o); err != nil {
			return won, lost, err
		}
		if paid[i], err = paidBy(txs[i]); err != nil {
			return won, lost, err
		}
	}
	for i, tx := range txs { // both are signed by now, so that no milestone comes between
		if blocks[i], err = wallet.Attach(ctx, n.Node, info, tx); err != nil {
			return won, lost, err
		}
	}
	first, err := n.decided(ctx, blocks[0])
	if err != nil {
		return won, lost, err
	}
	second, err := n.decided(ctx, blocks[1])
	if err != nil {
		return won, lost, err
	}
	if (first.Refused() == nil) == (second.Refused() == nil) {
		return won, lost, fmt.Errorf("the network decided for both or neither: %+v, %+v", first, second)
	}
	if first.Refused() == nil {
		return paid[0], paid[1], nil
	}
	return paid[1], paid[0], nil
}

// decided waits until a milestone has confirmed the block.
func (n *Network) decided(ctx context.Context, block iotago.BlockID) (wallet.State, error) {
	for {
		s, err := wallet.Look(ctx, n.Node, block)
		if err != nil || s.Milestone > 0 {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Balance is what the unspent basic outputs of an address hold, by the node's own books.
func (n *Network) Balance(ctx context.Context, address string) (billing.Units, error) {
	list, err := wallet.Unspent(ctx, n.Node, address)
	var sum billing.Units
	for _, o := range list {
		sum += billing.Units(o.Output.Deposit())
	}
	return sum, err
}

// Head waits until the network is at a milestone newer than now's, and returns it.
func (n *Network) Head(ctx context.Context) (node.Milestone, error) {
	before, err := n.Node.Info(ctx)
	if err != nil {
		return node.Milestone{}, err
	}
	for {
		info, err := n.Node.Info(ctx)
		if err != nil || info.Head.Index > before.Head.Index {
			return info.Head, err
		}
		select {
		case <-ctx.Done():
			return node.Milestone{}, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
