//go:build !arm && !386

package stardust

import (
	"context"
	"fmt"

	iotago "github.com/iotaledger/iota.go/v3"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/stardust/node"
)

// Bounds of a batch. Metadata is at most 8 KiB, so a batch stays below 5 MB whatever anybody pays.
const (
	maxMilestones = 200
	maxOutputs    = 500
)

// Deposits implements billing.Ledger. When the node fails halfway the batch ends before that; the failure is met again
// with the next one.
func (l *Ledger) Deposits(ctx context.Context, from string) (billing.Batch, error) {
	info, err := l.node.Info(ctx)
	if err != nil {
		return billing.Batch{}, err
	}
	ours, err := l.addresses(ctx, info)
	if err != nil {
		return billing.Batch{}, err
	}
	if from == "" {
		at, err := l.begin(ctx, info)
		if err != nil {
			return billing.Batch{}, err
		}
		return billing.Batch{Cursor: at.String(), More: at.index < info.Head.Index}, nil
	}
	at, err := parseCursor(from)
	if err != nil {
		return billing.Batch{}, err
	}
	if err := follows(info, at); err != nil {
		return billing.Batch{}, err
	}
	if info.Head.Index == at.index {
		return billing.Batch{Cursor: from}, nil
	}
	return l.read(ctx, info, at, ours)
}

// follows holds what the node says of itself against what was read before.
func follows(info node.Info, at cursor) error {
	head := info.Head
	switch {
	case head.Index < at.index || at.skip > 0 && head.Index == at.index:
		return fmt.Errorf("%w: it is at milestone %d, read was up to %d (it catches up, or was restored from a backup; if it stays behind, set ledger.node to another one)",
			ErrBehind, head.Index, at.index)
	case head.Index == at.index && head.ID != at.id:
		return otherChain(at)
	case head.Index > at.index && info.Pruned > at.index:
		return fmt.Errorf("%w: it has nothing up to %d, read was up to %d (set ledger.node to a node with more history, or let this one keep more: pruning.milestones.maxMilestonesToKeep)",
			ErrPruned, info.Pruned, at.index)
	}
	return nil
}

func otherChain(at cursor) error {
	return fmt.Errorf("%w: another milestone %d (another network answers at this URL, or this one was begun anew; set ledger.node back, or accept the new one)",
		ErrOtherChain, at.index)
}

// read reads on from a cursor that the node is ahead of.
func (l *Ledger) read(ctx context.Context, info node.Info, at cursor, ours addresses) (billing.Batch, error) {
	first, err := l.milestone(ctx, at.index+1)
	if err != nil {
		return billing.Batch{}, err
	}
	if first.Previous != at.id {
		return billing.Batch{}, otherChain(at)
	}
	created, failure := l.created(ctx, at, min(info.Head.Index-at.index, maxMilestones))
	deposits, read, err := l.deposits(ctx, info, at, created, ours)
	if err != nil {
		failure = err
	}
	next := at.after(created, read)
	if next == at {
		return billing.Batch{}, failure
	}
	if failure != nil {
		l.o.Log.Debug("ledger batch cut short", "milestone", next.index, "err", failure)
	}
	switch next.index {
	case at.index:
	case first.Index:
		next.id = first.ID
	default:
		last, err := l.milestone(ctx, next.index)
		if err != nil {
			return billing.Batch{}, err
		}
		next.id = last.ID
	}
	return billing.Batch{Deposits: deposits, Cursor: next.String(), More: next.index < info.Head.Index}, nil
}

func (l *Ledger) milestone(ctx context.Context, index uint32) (node.Milestone, error) {
	m, err := l.node.Milestone(ctx, index)
	return m, missing(err, "the head", index)
}

// created lists the outputs of the next milestones, without those that the cursor skips: of as many as can be had, and
// why there are no more.
func (l *Ledger) created(ctx context.Context, at cursor, milestones uint32) ([][]iotago.OutputID, error) {
	lists := make([][]iotago.OutputID, milestones)
	good, err := inParallel(ctx, len(lists), func(ctx context.Context, i int) (err error) {
		index := at.index + 1 + uint32(i)
		lists[i], err = l.node.Created(ctx, index)
		return missing(err, "the list", index)
	})
	lists = lists[:good]
	if good > 0 {
		if at.skip > len(lists[0]) {
			return nil, otherChain(at)
		}
		lists[0] = lists[0][at.skip:]
	}
	return lists, err
}

// deposits looks at the outputs, up to maxOutputs of them: at as many as can be had, and why at no more.
func (l *Ledger) deposits(ctx context.Context, info node.Info, at cursor, created [][]iotago.OutputID, ours addresses) (list []billing.Deposit, read int, err error) {
	type place struct {
		id        iotago.OutputID
		milestone uint32
	}
	var places []place
	for i, ids := range created {
		for _, id := range ids[:min(len(ids), maxOutputs-len(places))] {
			places = append(places, place{id, at.index + 1 + uint32(i)})
		}
	}
	if len(places) == 0 {
		return nil, 0, nil
	}
	found, senders := make([]*billing.Deposit, len(places)), newSenders(l.node, info)
	read, err = inParallel(ctx, len(places), func(ctx context.Context, i int) (err error) {
		found[i], err = l.deposit(ctx, info, places[i].id, places[i].milestone, ours, senders)
		return err
	})
	for _, d := range found[:read] {
		if d != nil {
			list = append(list, *d)
		}
	}
	return list, read, err
}

// deposit looks at one output; nil is none of ours.
func (l *Ledger) deposit(ctx context.Context, info node.Info, id iotago.OutputID, milestone uint32, ours addresses, senders *senders) (*billing.Deposit, error) {
	o, err := l.node.Output(ctx, id)
	if err != nil {
		return nil, missing(err, "an output", milestone)
	}
	if o.Booked != milestone {
		return nil, fmt.Errorf("%w: output %s came with milestone %d and with %d", node.ErrAnswer, id.ToHex(), milestone, o.Booked)
	}
	d, ok, err := depositOf(o, ours)
	if err != nil || !ok {
		return nil, err
	}
	sender, err := senders.of(ctx, o.Block, id.TransactionID())
	if err != nil || sender == nil {
		return &d, err
	}
	d.Sender = sender.Bech32(info.Protocol.Bech32HRP)
	if ours[sender.Key()] != "" {
		d.Hold = "it comes from an address of the gateway's own (change, or money that was moved)"
	}
	return &d, nil
}

// addresses reads those that receive and refuses what is not of the node's network.
func (l *Ledger) addresses(ctx context.Context, info node.Info) (addresses, error) {
	list, err := l.o.Addresses(ctx)
	if err != nil {
		return nil, err
	}
	out := make(addresses, len(list))
	for _, text := range list {
		hrp, a, err := iotago.ParseBech32(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %.100q cannot be read: %w", ErrAddress, text, err)
		}
		if hrp != info.Protocol.Bech32HRP {
			return nil, fmt.Errorf("%w: %s, but those of %q begin with %s1 (set ledger.address or ledger.node)", ErrAddress, text, info.Protocol.NetworkName, info.Protocol.Bech32HRP)
		}
		out[a.Key()] = text
	}
	return out, nil
}
