//go:build !arm && !386

package wallet

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"net/url"
	"slices"

	"github.com/iotaledger/hive.go/serializer/v2"
	iotago "github.com/iotaledger/iota.go/v3"
	"github.com/iotaledger/iota.go/v3/pow"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/stardust"
	"github.com/wattgate/wattgate/billing/stardust/node"
)

// Prepare signs a transaction that makes these outputs and sends what is left back to the wallet. It is not sent.
func (w *Wallet) Prepare(ctx context.Context, c *node.Client, outputs ...iotago.Output) (*iotago.Transaction, error) {
	info, err := c.Info(ctx)
	if err != nil {
		return nil, err
	}
	var need uint64
	for _, o := range outputs {
		need += o.Deposit()
	}
	inputs, err := w.inputs(ctx, c, info, need)
	if err != nil {
		return nil, err
	}
	own := w.address()
	essence := &iotago.TransactionEssence{NetworkID: info.Protocol.NetworkID(), Outputs: outputs}
	var have uint64
	var spent iotago.Outputs
	var unlocks iotago.Unlocks
	for i, in := range inputs {
		have += in.Output.Deposit()
		spent = append(spent, in.Output)
		essence.Inputs = append(essence.Inputs, in.ID.UTXOInput())
		if i > 0 { // one key signs for all of them
			unlocks = append(unlocks, &iotago.ReferenceUnlock{Reference: 0})
		}
	}
	if have > need {
		essence.Outputs = append(essence.Outputs, &iotago.BasicOutput{Amount: have - need, Conditions: iotago.UnlockConditions{&iotago.AddressUnlockCondition{Address: &own}}})
	}
	signatures, err := essence.Sign(spent.MustCommitment(), iotago.AddressKeys{Address: &own, Keys: w.key})
	if err != nil {
		return nil, fmt.Errorf("cannot sign the transaction: %w", err)
	}
	tx := &iotago.Transaction{Essence: essence, Unlocks: append(iotago.Unlocks{&iotago.SignatureUnlock{Signature: signatures[0]}}, unlocks...)}
	return tx, nil
}

// Balance is the plain money of the wallet: what Prepare may spend.
func (w *Wallet) Balance(ctx context.Context, c *node.Client) (billing.Units, error) {
	info, err := c.Info(ctx)
	if err != nil {
		return 0, err
	}
	var sum uint64
	list, err := Unspent(ctx, c, w.Address(string(info.Protocol.Bech32HRP)))
	for _, o := range list {
		if plain(o.Output) {
			sum += o.Output.Deposit()
		}
	}
	return billing.Units(sum), err
}

// inputs chooses the largest outputs of the wallet that make up the sum, such that what is left is nothing or enough for
// an output.
func (w *Wallet) inputs(ctx context.Context, c *node.Client, info node.Info, need uint64) ([]node.Output, error) {
	list, err := Unspent(ctx, c, w.Address(string(info.Protocol.Bech32HRP)))
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(o node.Output) bool { return !plain(o.Output) })
	slices.SortFunc(list, func(a, b node.Output) int { return cmp.Compare(b.Output.Deposit(), a.Output.Deposit()) })
	least := uint64(stardust.MinDeposit(info.Protocol.RentStructure.VByteCost, 0, 0))
	var have uint64
	for i, o := range list[:min(len(list), iotago.MaxInputsCount)] {
		have += o.Output.Deposit()
		if have == need || have >= need+least {
			return list[:i+1], nil
		}
	}
	return nil, fmt.Errorf("cannot pay %d units: the wallet has %d in %d outputs, and what is left over must be nothing or at least %d",
		need, have, len(list), least)
}

// plain reports whether an output is money that its owner can spend at once.
func plain(o iotago.Output) bool {
	basic, ok := o.(*iotago.BasicOutput)
	return ok && len(basic.Conditions) == 1 && len(basic.NativeTokens) == 0
}

// Unspent lists the basic outputs that an address owns.
func Unspent(ctx context.Context, c *node.Client, address string) ([]node.Output, error) {
	var answer struct {
		Items  []string
		Cursor string
	}
	ids, page := []string{}, ""
	for {
		path := "/api/indexer/v1/outputs/basic?address=" + url.QueryEscape(address) + page
		if err := c.GetJSON(ctx, path, node.MaxList, &answer); err != nil {
			return nil, fmt.Errorf("cannot ask what the wallet owns: %w (the node needs an indexer)", err)
		}
		ids = append(ids, answer.Items...)
		if answer.Cursor == "" {
			break
		}
		page = "&cursor=" + url.QueryEscape(answer.Cursor)
		answer.Cursor, answer.Items = "", nil
	}
	out := make([]node.Output, 0, len(ids))
	for _, text := range ids {
		id, err := iotago.OutputIDFromHex(text)
		if err != nil {
			return nil, fmt.Errorf("cannot ask what the wallet owns: %w: %w", node.ErrAnswer, err)
		}
		o, err := c.Output(ctx, id)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// Attach puts the transaction into a block of its own and submits that, with the proof of work that the network asks for.
func Attach(ctx context.Context, c *node.Client, info node.Info, tx *iotago.Transaction) (id iotago.BlockID, err error) {
	var tips struct{ Tips []string }
	if err := c.GetJSON(ctx, "/api/core/v2/tips", node.MaxAnswer, &tips); err != nil {
		return id, err
	}
	var parents iotago.BlockIDs
	for _, text := range tips.Tips {
		parent, err := iotago.BlockIDFromHexString(text)
		if err != nil {
			return id, fmt.Errorf("%w: %w", node.ErrAnswer, err)
		}
		parents = append(parents, parent)
	}
	block := &iotago.Block{ProtocolVersion: info.Protocol.Version, Parents: parents.RemoveDupsAndSort(), Payload: tx}
	raw, err := block.Serialize(serializer.DeSeriModeNoValidation, &info.Protocol) // the node judges it
	if err != nil {
		return id, fmt.Errorf("cannot build the block: %w", err)
	}
	if score := info.Protocol.MinPoWScore; score > 0 {
		const nonce = 8 // bytes at the end
		if block.Nonce, err = pow.New().Mine(ctx, raw[:len(raw)-nonce], float64(score)); err != nil {
			return id, fmt.Errorf("cannot do the network's proof of work: %w", err)
		}
		binary.LittleEndian.PutUint64(raw[len(raw)-nonce:], block.Nonce)
	}
	var answer struct{ BlockID string }
	if err := c.PostBinary(ctx, "/api/core/v2/blocks", raw, &answer); err != nil {
		return id, err
	}
	return block.ID()
}

// State of a block.
type State struct {
	// Milestone that made the block final; 0 while none has.
	Milestone uint32 `json:"referencedByMilestoneIndex"`
	// Inclusion is included, conflicting or noTransaction.
	Inclusion string `json:"ledgerInclusionState"`
	// Conflict is the protocol's reason for a conflict: 1 is an input spent before, 2 one spent in the same milestone.
	Conflict int `json:"conflictReason"`
	// Lost says that the network will not look at the block any more; attach the transaction again.
	Lost bool `json:"shouldReattach"`
}

// Refused is the error of a transaction that the network has finally refused.
func (s State) Refused() error {
	if s.Milestone == 0 || s.Inclusion == "included" {
		return nil
	}
	return fmt.Errorf("cannot pay: the network refused the transaction with milestone %d (%s, reason %d; was the money spent meanwhile?) (%w)",
		s.Milestone, s.Inclusion, s.Conflict, ErrNotPaid)
}

// Look asks for the state of a block.
func Look(ctx context.Context, c *node.Client, block iotago.BlockID) (State, error) {
	var s State
	return s, c.GetJSON(ctx, "/api/core/v2/blocks/"+block.ToHex()+"/metadata", node.MaxAnswer, &s)
}
