//go:build !arm && !386

package stardust

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"sync"

	iotago "github.com/iotaledger/iota.go/v3"

	"github.com/wattgate/wattgate/billing/stardust/node"
)

// senders tells who signed the transactions of one batch. Each block is asked for once, as one may carry 128 deposits.
type senders struct {
	node *node.Client
	info node.Info

	mu    sync.Mutex // guards what follows
	asked map[iotago.BlockID]*asked
}

// asked is the transaction of a block, once done is closed.
type asked struct {
	done   chan struct{}
	id     iotago.TransactionID
	sender *iotago.Ed25519Address
	err    error
}

func newSenders(c *node.Client, info node.Info) *senders {
	return &senders{node: c, info: info, asked: map[iotago.BlockID]*asked{}}
}

// of is who signed the transaction that the block carries; nil when nobody can say.
func (s *senders) of(ctx context.Context, block iotago.BlockID, tx iotago.TransactionID) (*iotago.Ed25519Address, error) {
	s.mu.Lock()
	a, known := s.asked[block]
	if !known {
		a = &asked{done: make(chan struct{})}
		s.asked[block] = a
	}
	s.mu.Unlock()
	if !known {
		a.ask(ctx, s.node, s.info, block)
		close(a.done)
	}
	<-a.done
	switch {
	case node.NotFound(a.err): // blocks are deleted before the milestones; who paid is not needed
		return nil, nil
	case a.err != nil:
		return nil, a.err
	case a.id != tx:
		return nil, fmt.Errorf("%w: block %s carries another transaction than %s", node.ErrAnswer, block.ToHex(), tx.ToHex())
	}
	return a.sender, nil
}

func (a *asked) ask(ctx context.Context, c *node.Client, info node.Info, block iotago.BlockID) {
	tx, err := c.Transaction(ctx, block, &info.Protocol)
	if err != nil {
		a.err = err
		return
	}
	a.sender = senderOf(tx)
	a.id, a.err = tx.ID()
}

// senderOf is the one address whose key signed the whole transaction; nil if there are several, or something else than a
// key unlocked an input.
func senderOf(tx *iotago.Transaction) *iotago.Ed25519Address {
	var sender *iotago.Ed25519Address
	for _, unlock := range tx.Unlocks {
		switch unlock := unlock.(type) {
		case *iotago.ReferenceUnlock: // by a signature that stands before it
		case *iotago.SignatureUnlock:
			signature, ok := unlock.Signature.(*iotago.Ed25519Signature)
			if !ok {
				return nil
			}
			a := iotago.Ed25519AddressFromPubKey(ed25519.PublicKey(signature.PublicKey[:]))
			if sender != nil && *sender != a {
				return nil
			}
			sender = &a
		default:
			return nil
		}
	}
	return sender
}
