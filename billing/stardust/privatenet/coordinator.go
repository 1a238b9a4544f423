package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/iotaledger/hive.go/serializer/v2"
	inx "github.com/iotaledger/inx/go"
	iotago "github.com/iotaledger/iota.go/v3"
	"github.com/iotaledger/iota.go/v3/builder"
)

const (
	stateFile = "coordinator.state"
	// protocolVersion of Stardust.
	protocolVersion = 2
	// maxParents of a block in this protocol.
	maxParents = 8
	// confirmBudget is how long the node may take to confirm a milestone of ours.
	confirmBudget = 20 * time.Second
)

// coordinator issues milestones; what they refer to becomes final.
type coordinator struct {
	inx      inx.INXClient
	paths    paths
	interval time.Duration
	keys     []iotago.MilestonePublicKey
	sign     iotago.MilestoneSigningFunc
	paused   atomic.Bool
	sessions atomic.Int64 // how often it has begun to work with the node
	bursts   chan burst

	// owned by run
	last    lastMilestone
	waiting iotago.BlockIDs // solid blocks that no milestone refers to yet, oldest first
}

// lastMilestone is where the chain of milestones ends; the state file keeps it. HORNET's bootstrap tool writes the first.
type lastMilestone struct {
	Index   uint32 `json:"latestMilestoneIndex"`
	BlockID string `json:"latestMilestoneBlockId"`
	ID      string `json:"latestMilestoneId"`
	Time    int64  `json:"latestMilestoneTime"` // nanoseconds since 1970, as HORNET's tool has it
}

// burst asks for milestones at once.
type burst struct {
	count int
	done  chan error
}

func newCoordinator(conn *grpc.ClientConn, p paths, g genesis, interval time.Duration) *coordinator {
	mapping := iotago.MilestonePublicKeyMapping{}
	c := &coordinator{inx: inx.NewINXClient(conn), paths: p, interval: interval, bursts: make(chan burst)}
	for _, k := range g.Coordinator {
		key, _ := hex.DecodeString(k) // configure has read them before
		var public iotago.MilestonePublicKey
		copy(public[:], key[ed25519.SeedSize:])
		mapping[public] = ed25519.PrivateKey(key)
		c.keys = append(c.keys, public)
	}
	c.sign = iotago.InMemoryEd25519MilestoneSigner(mapping)
	return c
}

// run issues milestones until ctx ends. Whenever the node has gone it begins anew, with connected called first; blocks
// that waited for a milestone then are forgotten, as in a real network. issued is closed after the first milestone.
func (c *coordinator) run(ctx context.Context, connected func(context.Context) error, issued chan struct{}) error {
	first := func() {
		if issued != nil {
			close(issued)
			issued = nil
		}
	}
	for well := true; ; {
		err := c.session(ctx, connected, func() { first(); well = true })
		if ctx.Err() != nil {
			return nil
		}
		if well { // the first failure is told, not each attempt after it
			fmt.Fprintln(os.Stderr, "privatenet:", err)
			well = false
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// session issues milestones as long as the node is there.
func (c *coordinator) session(ctx context.Context, connected func(context.Context) error, issued func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := c.resume(ctx); err != nil {
		return err
	}
	if err := connected(ctx); err != nil {
		return err
	}
	solid, lost := c.listen(ctx)
	c.sessions.Add(1)
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	for {
		select {
		case id := <-solid:
			c.waiting = append(c.waiting, id)
		case err := <-lost:
			return fmt.Errorf("the node has gone: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		case b := <-c.bursts:
			var err error
			for range b.count {
				if err = c.milestone(ctx, solid); err != nil {
					break
				}
			}
			b.done <- err
			if err != nil {
				return err
			}
		case <-ticker.C:
			if c.paused.Load() {
				continue
			}
			if err := c.milestone(ctx, solid); err != nil {
				return err
			}
			issued()
		}
	}
}

// advance issues so many milestones at once, even while paused.
func (c *coordinator) advance(ctx context.Context, count int) error {
	b := burst{count: count, done: make(chan error, 1)}
	select {
	case c.bursts <- b:
	case <-ctx.Done():
		return ctx.Err()
	}
	return <-b.done
}

// again waits until it works with the node in a session after so many.
func (c *coordinator) again(ctx context.Context, sessions int64) error {
	for c.sessions.Load() <= sessions {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// resume reads where the chain ends and waits until the node has come as far.
func (c *coordinator) resume(ctx context.Context) error {
	raw, err := os.ReadFile(c.paths.of(stateFile))
	if err == nil {
		err = json.Unmarshal(raw, &c.last)
	}
	if err != nil {
		return fmt.Errorf("cannot read the coordinator's state: %w (remove the directory)", err)
	}
	c.waiting = nil
	return c.confirmed(ctx)
}

// listen follows the blocks that become solid.
func (c *coordinator) listen(ctx context.Context) (<-chan iotago.BlockID, <-chan error) {
	solid, lost := make(chan iotago.BlockID, 4096), make(chan error, 1)
	go func() {
		stream, err := c.inx.ListenToSolidBlocks(ctx, &inx.NoParams{})
		for err == nil {
			var meta *inx.BlockMetadata
			if meta, err = stream.Recv(); err == nil {
				select {
				case solid <- meta.UnwrapBlockID():
				case <-ctx.Done():
					err = ctx.Err()
				}
			}
		}
		lost <- err
	}()
	return solid, lost
}

// parents are the last milestone and the newest waiting blocks: they mostly refer to the older ones, and who is not
// reached this time is next time.
func (c *coordinator) parents(solid <-chan iotago.BlockID) (iotago.BlockIDs, error) {
	own, err := iotago.BlockIDFromHexString(c.last.BlockID)
	if err != nil {
		return nil, err
	}
	for drained := false; !drained; {
		select {
		case id := <-solid:
			c.waiting = append(c.waiting, id)
		default:
			drained = true
		}
	}
	c.waiting = slices.DeleteFunc(c.waiting, func(id iotago.BlockID) bool { return id == own })
	list := iotago.BlockIDs{own}
	for len(list) < maxParents && len(c.waiting) > 0 {
		newest := len(c.waiting) - 1
		list = append(list, c.waiting[newest])
		c.waiting = c.waiting[:newest]
	}
	return list.RemoveDupsAndSort(), nil
}

// milestone issues the next milestone and waits until the node has confirmed it.
func (c *coordinator) milestone(ctx context.Context, solid <-chan iotago.BlockID) error {
	parents, err := c.parents(solid)
	if err != nil {
		return err
	}
	previous, err := iotago.DecodeHex(c.last.ID)
	if err != nil {
		return err
	}
	var before iotago.MilestoneID
	copy(before[:], previous)
	// The protocol demands that the clock of milestones, which counts in seconds, never stands still.
	at := max(time.Now().Unix(), c.last.Time/int64(time.Second)+1)
	flag, err := c.inx.ComputeWhiteFlag(ctx, &inx.WhiteFlagRequest{MilestoneIndex: c.last.Index + 1, MilestoneTimestamp: uint32(at),
		Parents: inx.NewBlockIds(parents), PreviousMilestoneId: inx.NewMilestoneId(before)})
	if err != nil {
		return fmt.Errorf("cannot compute milestone %d: %w", c.last.Index+1, err)
	}
	var included, applied iotago.MilestoneMerkleProof
	copy(included[:], flag.GetMilestoneInclusionMerkleRoot())
	copy(applied[:], flag.GetMilestoneAppliedMerkleRoot())
	milestone := iotago.NewMilestone(c.last.Index+1, uint32(at), protocolVersion, before, parents, included, applied)
	if err := milestone.Sign(c.keys, c.sign); err != nil {
		return err
	}
	block, err := builder.NewBlockBuilder().ProtocolVersion(protocolVersion).Parents(parents).Payload(milestone).Build()
	if err != nil {
		return err
	}
	raw, err := block.Serialize(serializer.DeSeriModePerformValidation, nil)
	if err != nil {
		return err
	}
	id, err := c.inx.SubmitBlock(ctx, &inx.RawBlock{Data: raw})
	if err != nil {
		return fmt.Errorf("cannot issue milestone %d: %w", c.last.Index+1, err)
	}
	own := id.Unwrap()
	msID, err := milestone.ID()
	if err != nil {
		return err
	}
	c.last = lastMilestone{Index: c.last.Index + 1, BlockID: own.ToHex(), ID: msID.ToHex(), Time: at * int64(time.Second)}
	if err := writeJSON(c.paths.of(stateFile), c.last); err != nil {
		return err
	}
	return c.confirmed(ctx)
}

// confirmed waits until the node has confirmed the last milestone.
func (c *coordinator) confirmed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, confirmBudget)
	defer cancel()
	for {
		status, err := c.inx.ReadNodeStatus(ctx, &inx.NoParams{})
		if err != nil {
			return fmt.Errorf("cannot ask the node: %w", err)
		}
		if status.GetConfirmedMilestone().GetMilestoneInfo().GetMilestoneIndex() >= c.last.Index {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the node has not confirmed milestone %d: %w", c.last.Index, ctx.Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
}
