package stardusttest

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/iotaledger/hive.go/serializer/v2"
	iotago "github.com/iotaledger/iota.go/v3"
)

// Fake is the part of a node that a gateway asks, in memory: for what a real network takes too long to make, as years of
// milestones. Its answers have the form of recorded ones. It is an http.Handler; all methods may be called at the same
// time.
type Fake struct {
	name string
	key  ed25519.PrivateKey

	mu         sync.Mutex // guards what follows
	milestones []fakeMilestone
	outputs    map[iotago.OutputID]fakeOutput
	blocks     map[iotago.BlockID][]byte
}

type fakeMilestone struct {
	id      iotago.MilestoneID
	at      uint32
	raw     []byte
	created []string
}

type fakeOutput struct {
	output    iotago.Output
	block     iotago.BlockID
	milestone uint32
}

// NewFake makes a network with a name and no milestone yet.
func NewFake(name string) *Fake {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	return &Fake{name: name, key: ed25519.NewKeyFromSeed(seed), outputs: map[iotago.OutputID]fakeOutput{}, blocks: map[iotago.BlockID][]byte{}}
}

// Milestone adds a milestone of that time, in which one transaction makes these outputs (at most 128, none is fine), and
// returns its index and their ids.
func (f *Fake) Milestone(at time.Time, outputs ...iotago.Output) (index uint32, ids []iotago.OutputID, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := fakeMilestone{at: uint32(at.Unix())}
	index = uint32(len(f.milestones)) + 1
	if len(outputs) > 0 {
		if ids, err = f.transaction(index, outputs); err != nil {
			return 0, nil, err
		}
	}
	for _, id := range ids {
		m.created = append(m.created, id.ToHex())
	}
	var before iotago.MilestoneID
	if index > 1 {
		before = f.milestones[index-2].id
	}
	var parent iotago.BlockID
	binary.LittleEndian.PutUint32(parent[:], index)
	ms := iotago.NewMilestone(index, m.at, 2, before, iotago.BlockIDs{parent}, iotago.MilestoneMerkleProof{}, iotago.MilestoneMerkleProof{})
	var public iotago.MilestonePublicKey
	copy(public[:], f.key.Public().(ed25519.PublicKey))
	if err := ms.Sign([]iotago.MilestonePublicKey{public}, iotago.InMemoryEd25519MilestoneSigner(iotago.MilestonePublicKeyMapping{public: f.key})); err != nil {
		return 0, nil, err
	}
	if m.raw, err = ms.Serialize(serializer.DeSeriModePerformValidation, nil); err != nil {
		return 0, nil, err
	}
	if m.id, err = ms.ID(); err != nil {
		return 0, nil, err
	}
	f.milestones = append(f.milestones, m)
	return index, ids, nil
}

// transaction makes outputs out of an input that nobody asks for.
func (f *Fake) transaction(index uint32, outputs []iotago.Output) (ids []iotago.OutputID, err error) {
	payer := iotago.Ed25519AddressFromPubKey(f.key.Public().(ed25519.PublicKey))
	input := &iotago.UTXOInput{}
	binary.LittleEndian.PutUint32(input.TransactionID[:], index)
	essence := &iotago.TransactionEssence{NetworkID: iotago.NetworkIDFromString(f.name), Inputs: iotago.Inputs{input}, Outputs: outputs}
	signatures, err := essence.Sign(make([]byte, 32), iotago.AddressKeys{Address: &payer, Keys: f.key})
	if err != nil {
		return nil, err
	}
	tx := &iotago.Transaction{Essence: essence, Unlocks: iotago.Unlocks{&iotago.SignatureUnlock{Signature: signatures[0]}}}
	id, err := tx.ID()
	if err != nil {
		return nil, err
	}
	block := &iotago.Block{ProtocolVersion: 2, Parents: iotago.BlockIDs{{1}}, Payload: tx}
	raw, err := block.Serialize(serializer.DeSeriModePerformValidation, f.protocol())
	if err != nil {
		return nil, err
	}
	blockID, err := block.ID()
	if err != nil {
		return nil, err
	}
	f.blocks[blockID] = raw
	for i, o := range outputs {
		out := iotago.OutputIDFromTransactionIDAndIndex(id, uint16(i))
		f.outputs[out] = fakeOutput{output: o, block: blockID, milestone: index}
		ids = append(ids, out)
	}
	return ids, nil
}

func (f *Fake) protocol() *iotago.ProtocolParameters {
	return &iotago.ProtocolParameters{Version: 2, NetworkName: f.name, Bech32HRP: "tst", BelowMaxDepth: 15, TokenSupply: 2779530283277761,
		RentStructure: iotago.RentStructure{VByteCost: 1, VBFactorData: 1, VBFactorKey: 10}}
}

// ServeHTTP implements http.Handler.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path, ok := strings.CutPrefix(r.URL.Path, "/api/core/v2/")
	kind, rest, _ := strings.Cut(path, "/")
	var answer any
	switch {
	case !ok:
	case kind == "info":
		answer = f.info()
	case kind == "milestones":
		answer = f.milestone(strings.TrimPrefix(rest, "by-index/"))
	case kind == "outputs":
		answer = f.output(rest)
	case kind == "blocks":
		if id, err := iotago.BlockIDFromHexString(rest); err == nil && f.blocks[id] != nil {
			answer = f.blocks[id]
		}
	}
	switch answer := answer.(type) {
	case nil:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":{"code":"404","message":"Not Found"}}`)
	case []byte:
		w.Header().Set("Content-Type", "application/vnd.iota.serializer-v1")
		w.Write(answer)
	default:
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(answer)
	}
}

func (f *Fake) info() any {
	head := map[string]any{"index": len(f.milestones)}
	if n := len(f.milestones); n > 0 {
		head["timestamp"], head["milestoneId"] = f.milestones[n-1].at, f.milestones[n-1].id.ToHex()
	}
	return map[string]any{
		"name": "HORNET", "version": "2.0.2", "protocol": f.protocol(), "supportedProtocolVersions": []int{2}, "pendingProtocolParameters": []int{},
		"status":    map[string]any{"isHealthy": false, "latestMilestone": head, "confirmedMilestone": head, "pruningIndex": 0},
		"baseToken": map[string]any{"name": "Play", "tickerSymbol": "PLAY", "unit": "PLAY", "subunit": "micros", "decimals": 6, "useMetricPrefix": false},
		"metrics":   map[string]any{"blocksPerSecond": 1, "referencedBlocksPerSecond": 1, "referencedRate": 100}, "features": []string{},
	}
}

// milestone answers "N" and "N/utxo-changes".
func (f *Fake) milestone(rest string) any {
	number, what, _ := strings.Cut(rest, "/")
	index, err := strconv.Atoi(number)
	if err != nil || index < 1 || index > len(f.milestones) {
		return nil
	}
	m := f.milestones[index-1]
	switch what {
	case "":
		return m.raw
	case "utxo-changes":
		return map[string]any{"index": index, "createdOutputs": append([]string{}, m.created...), "consumedOutputs": []string{}}
	}
	return nil
}

func (f *Fake) output(hex string) any {
	id, err := iotago.OutputIDFromHex(hex)
	o, ok := f.outputs[id]
	if err != nil || !ok {
		return nil
	}
	tx := id.TransactionID()
	return map[string]any{"output": o.output, "metadata": map[string]any{
		"blockId": o.block.ToHex(), "transactionId": tx.ToHex(), "outputIndex": id.Index(), "isSpent": false,
		"milestoneIndexBooked": o.milestone, "milestoneTimestampBooked": f.milestones[o.milestone-1].at, "ledgerIndex": len(f.milestones),
	}}
}
