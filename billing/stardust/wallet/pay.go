//go:build !arm && !386

package wallet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	iotago "github.com/iotaledger/iota.go/v3"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/stardust"
	"github.com/wattgate/wattgate/billing/stardust/node"
)

// ErrNotPaid is in the error of a payment that certainly did not happen.
var ErrNotPaid = errors.New("nothing was paid")

// Pay pays the amount to the address, with a tag of at most 64 bytes and metadata of at most 8 KiB, and waits until it is
// final: until a milestone has confirmed it. It returns the id of the transaction. When the error is not ErrNotPaid the
// payment may still happen, and must not be made again.
func (w *Wallet) Pay(ctx context.Context, nodeURL, address string, amount billing.Units, tag, metadata []byte) (txid string, err error) {
	c, err := node.New(nodeURL, nil)
	if err != nil {
		return "", errors.Join(err, ErrNotPaid)
	}
	info, err := c.Info(ctx)
	if err != nil {
		return "", notPaid(err)
	}
	to, err := outputTo(info, address, amount, tag, metadata)
	if err != nil {
		return "", notPaid(err)
	}
	tx, err := w.Prepare(ctx, c, to)
	if err != nil {
		return "", notPaid(err)
	}
	id, err := tx.ID()
	if err != nil {
		return "", notPaid(err)
	}
	return id.ToHex(), Send(ctx, c, tx)
}

func notPaid(err error) error { return fmt.Errorf("%w (%w)", err, ErrNotPaid) }

// outputTo is a plain payment. It refuses what the network would.
func outputTo(info node.Info, address string, amount billing.Units, tag, metadata []byte) (iotago.Output, error) {
	hrp, to, err := iotago.ParseBech32(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot pay to %.100q: %w", address, err)
	case hrp != info.Protocol.Bech32HRP:
		return nil, fmt.Errorf("cannot pay to %s: addresses of %q begin with %s1 (is this the right node?)", address, info.Protocol.NetworkName, info.Protocol.Bech32HRP)
	case len(tag) > iotago.MaxTagLength || len(metadata) > iotago.MaxMetadataLength:
		return nil, fmt.Errorf("cannot attach %d bytes of tag and %d of metadata: at most %d and %d fit", len(tag), len(metadata), iotago.MaxTagLength, iotago.MaxMetadataLength)
	}
	if least := stardust.MinDeposit(info.Protocol.RentStructure.VByteCost, len(tag), len(metadata)); amount < max(least, 1) {
		return nil, fmt.Errorf("cannot pay %d units with this tag and metadata: %q asks for at least %d in one output", amount, info.Protocol.NetworkName, least)
	}
	o := &iotago.BasicOutput{Amount: uint64(amount), Conditions: iotago.UnlockConditions{&iotago.AddressUnlockCondition{Address: to}}}
	if len(metadata) > 0 {
		o.Features = append(o.Features, &iotago.MetadataFeature{Data: metadata})
	}
	if len(tag) > 0 {
		o.Features = append(o.Features, &iotago.TagFeature{Tag: tag})
	}
	return o, nil
}

// Send brings a transaction into the network and waits until it is final. It attaches the same transaction again when the
// network has lost sight of it, which cannot pay twice.
func Send(ctx context.Context, c *node.Client, tx *iotago.Transaction) error {
	info, err := c.Info(ctx)
	if err != nil {
		return notPaid(err)
	}
	var block iotago.BlockID
	for attach, first := true, true; ; {
		var state State
		if attach {
			block, err = Attach(ctx, c, info, tx)
			if first && certain(err) {
				return notPaid(err)
			}
			attach, first = err != nil, false
		} else {
			state, err = Look(ctx, c, block)
			attach = state.Lost || node.NotFound(err)
		}
		if err == nil && state.Milestone > 0 {
			return verdict(ctx, c, tx, state)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("cannot tell whether the payment is final: %w (do not pay again before you know)", errors.Join(ctx.Err(), err))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// certain reports whether err says that the node did not take a block, not just that nobody knows.
func certain(err error) bool {
	status, answered := errors.AsType[*node.StatusError](err)
	op, network := errors.AsType[*net.OpError](err)
	return answered && status.Status < 500 || network && op.Op == "dial"
}

// verdict is what became of a transaction of which a block is final. The block may conflict with another one that carries
// the very same transaction.
func verdict(ctx context.Context, c *node.Client, tx *iotago.Transaction, s State) error {
	refused := s.Refused()
	if refused == nil {
		return nil
	}
	id, err := tx.ID()
	if err != nil {
		return refused
	}
	if _, err := c.GetBinary(ctx, "/api/core/v2/transactions/"+id.ToHex()+"/included-block", node.MaxAnswer); node.NotFound(err) {
		return refused
	} else if err != nil {
		return fmt.Errorf("cannot tell whether the payment is final: %w (do not pay again before you know)", err)
	}
	return nil
}
