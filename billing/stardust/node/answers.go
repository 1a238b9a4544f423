package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iotaledger/hive.go/serializer/v2"
	iotago "github.com/iotaledger/iota.go/v3"
)

// Info is what the node says of itself and of its network.
type Info struct {
	Name, Version string
	Protocol      iotago.ProtocolParameters
	// Decimals of the coin: 6 in all public Stardust networks.
	Decimals int
	// Head is the newest milestone that is final.
	Head Milestone
	// Pruned is the newest milestone whose history the node has deleted; 0 if it has everything.
	Pruned uint32
}

// Milestone is a point in the ledger. At has a resolution of one second.
type Milestone struct {
	Index uint32
	ID    iotago.MilestoneID
	At    time.Time
	// Previous is the milestone before it.
	Previous iotago.MilestoneID
}

// Output is money, where it lies and since when.
type Output struct {
	ID     iotago.OutputID
	Output iotago.Output
	Block  iotago.BlockID
	// Booked is the milestone it came with, At the milestone's time.
	Booked uint32
	At     time.Time
}

// Info asks for the state of the node.
func (c *Client) Info(ctx context.Context) (Info, error) {
	const path = "/api/core/v2/info"
	raw, err := c.do(ctx, "GET", path, typeJSON, nil, MaxAnswer)
	if err != nil {
		return Info{}, err
	}
	return safely(path, func() (Info, error) { return parseInfo(raw) })
}

func parseInfo(raw []byte) (Info, error) {
	var said struct {
		Name, Version string
		Status        struct {
			ConfirmedMilestone struct {
				Index       uint32
				Timestamp   uint32
				MilestoneID string
			}
			PruningIndex uint32
		}
		Protocol  *iotago.ProtocolParameters
		BaseToken struct{ Decimals int }
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		return Info{}, err
	}
	if said.Protocol == nil || said.Protocol.NetworkName == "" || said.Protocol.Bech32HRP == "" {
		return Info{}, errors.New("it names no network")
	}
	confirmed := said.Status.ConfirmedMilestone
	out := Info{Name: said.Name, Version: said.Version, Protocol: *said.Protocol, Decimals: said.BaseToken.Decimals, Pruned: said.Status.PruningIndex,
		Head: Milestone{Index: confirmed.Index, At: time.Unix(int64(confirmed.Timestamp), 0).UTC()}}
	if confirmed.Index == 0 { // a node that has just started
		return out, nil
	}
	if err := readID(out.Head.ID[:], confirmed.MilestoneID); err != nil || confirmed.Timestamp == 0 {
		return Info{}, errors.New("its newest milestone has no id or no time")
	}
	return out, nil
}

// Milestone asks for a milestone; its id is computed from what it holds.
func (c *Client) Milestone(ctx context.Context, index uint32) (Milestone, error) {
	path := fmt.Sprintf("/api/core/v2/milestones/by-index/%d", index)
	raw, err := c.GetBinary(ctx, path, MaxAnswer)
	if err != nil {
		return Milestone{}, err
	}
	return safely(path, func() (Milestone, error) { return parseMilestone(raw, index) })
}

func parseMilestone(raw []byte, index uint32) (Milestone, error) {
	var m iotago.Milestone
	if n, err := m.Deserialize(raw, serializer.DeSeriModePerformValidation, nil); err != nil {
		return Milestone{}, err
	} else if n != len(raw) || m.Index != index {
		return Milestone{}, fmt.Errorf("it is milestone %d with %d bytes left over", m.Index, len(raw)-n)
	}
	id, err := m.ID()
	if err != nil {
		return Milestone{}, err
	}
	return Milestone{Index: m.Index, ID: id, At: time.Unix(int64(m.Timestamp), 0).UTC(), Previous: m.PreviousMilestoneID}, nil
}

// Created asks which outputs came into being with a milestone, sorted by id so that every node tells them in one sequence.
func (c *Client) Created(ctx context.Context, index uint32) ([]iotago.OutputID, error) {
	// iota.go asks for milestones/N/utxo-changes, which HORNET refuses.
	path := fmt.Sprintf("/api/core/v2/milestones/by-index/%d/utxo-changes", index)
	raw, err := c.do(ctx, "GET", path, typeJSON, nil, MaxList)
	if err != nil {
		return nil, err
	}
	return safely(path, func() ([]iotago.OutputID, error) { return parseCreated(raw, index) })
}

func parseCreated(raw []byte, index uint32) ([]iotago.OutputID, error) {
	var said struct {
		Index          uint32
		CreatedOutputs *[]string
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		return nil, err
	}
	if said.Index != index || said.CreatedOutputs == nil {
		return nil, fmt.Errorf("it tells of milestone %d, or has no list", said.Index)
	}
	out := make([]iotago.OutputID, len(*said.CreatedOutputs))
	for i, text := range *said.CreatedOutputs {
		if err := readID(out[i][:], text); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b iotago.OutputID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(out), nil
}

// Output asks for an output, spent or not.
func (c *Client) Output(ctx context.Context, id iotago.OutputID) (Output, error) {
	path := "/api/core/v2/outputs/" + id.ToHex()
	raw, err := c.do(ctx, "GET", path, typeJSON, nil, MaxAnswer)
	if err != nil {
		return Output{}, err
	}
	return safely(path, func() (Output, error) { return parseOutput(raw, id) })
}

func parseOutput(raw []byte, id iotago.OutputID) (Output, error) {
	var said struct {
		Metadata struct {
			BlockID                  string
			TransactionID            string
			OutputIndex              uint16
			MilestoneIndexBooked     uint32
			MilestoneTimestampBooked uint32
		}
		Output json.RawMessage
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		return Output{}, err
	}
	m := said.Metadata
	out := Output{ID: id, Booked: m.MilestoneIndexBooked, At: time.Unix(int64(m.MilestoneTimestampBooked), 0).UTC()}
	var tx iotago.TransactionID
	if err := errors.Join(readID(tx[:], m.TransactionID), readID(out.Block[:], m.BlockID)); err != nil {
		return Output{}, err
	}
	if iotago.OutputIDFromTransactionIDAndIndex(tx, m.OutputIndex) != id {
		return Output{}, errors.New("it is another output")
	}
	read, err := iotago.DeserializeObjectFromJSON(&said.Output, iotago.JsonOutputSelector)
	if err != nil {
		return Output{}, err
	}
	object, err := read.ToSerializable()
	if err != nil {
		return Output{}, err
	}
	var ok bool
	if out.Output, ok = object.(iotago.Output); !ok {
		return Output{}, fmt.Errorf("it is a %T, not an output", object)
	}
	// These panic where a part stands there twice; better here than with whoever asks.
	out.Output.UnlockConditionSet()
	out.Output.FeatureSet()
	return out, nil
}

// Transaction asks for the block and returns the transaction it carries.
func (c *Client) Transaction(ctx context.Context, block iotago.BlockID, protocol *iotago.ProtocolParameters) (*iotago.Transaction, error) {
	path := "/api/core/v2/blocks/" + block.ToHex()
	raw, err := c.GetBinary(ctx, path, MaxAnswer)
	if err != nil {
		return nil, err
	}
	return safely(path, func() (*iotago.Transaction, error) {
		var b iotago.Block
		if _, err := b.Deserialize(raw, serializer.DeSeriModePerformValidation, protocol); err != nil {
			return nil, err
		}
		tx, ok := b.Payload.(*iotago.Transaction)
		if !ok {
			return nil, errors.New("the block carries no transaction")
		}
		return tx, nil
	})
}

// readID reads an id in hexadecimal with 0x, of exactly the length of into.
func readID(into []byte, text string) error {
	raw, err := iotago.DecodeHex(text)
	if err != nil || len(raw) != len(into) {
		return fmt.Errorf("%.80q is no id of %d bytes", text, len(into))
	}
	copy(into, raw)
	return nil
}

// safely calls parse and makes its error one of an unusable answer. iota.go's decoders panic where something is missing
// that they take for granted; a strange node must not end the gateway.
func safely[T any](path string, parse func() (T, error)) (out T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = unusable(path, fmt.Errorf("something is missing in it (%v)", p))
		}
	}()
	if out, err = parse(); err != nil {
		return out, unusable(path, err)
	}
	return out, nil
}
