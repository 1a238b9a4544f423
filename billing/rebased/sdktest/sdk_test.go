package sdktest

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/rebased"
	"github.com/wattgate/wattgate/billing/rebased/rebasedtest"
)

// fact is what the SDK saw of a transaction, and what it made of its bytes.
type fact struct {
	Digest, Checkpoint, TimestampMS, Status, EffectsDigest, Sender, BytesDigest, BytesSender, Signer string
	Created                                                                                          []string
	Gas                                                                                              map[string]string
	Changes                                                                                          []struct {
		Owner            map[string]any
		CoinType, Amount string
	}
}

// seen is what the SDK saw through one way in.
type seen struct {
	Chain, Head, Newest, Total string
	Checkpoint                 map[string]any
	Found                      []fact
	One                        fact
	Many                       []string
	Balance, Metadata          map[string]any
	Balances                   []map[string]any
}

// house is a node with a bit of everything on its ledger.
func house(t *testing.T) (s *rebasedtest.Server, us string, digests []string) {
	t.Helper()
	s, err := rebasedtest.Start(rebasedtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	we, payer := rebasedtest.NewWallet("us"), rebasedtest.NewWallet("payer")
	us = we.Address
	s.Skip(3)
	for i := range 45 {
		digests = append(digests, s.Submit(rebasedtest.Transaction{From: payer, Pays: []rebasedtest.Payment{{To: us, Amount: 500_000 + uint64(i)}}}))
		if i%4 == 0 {
			s.Seal()
		}
	}
	pays := []rebasedtest.Payment{}
	for i := range 70 {
		pays = append(pays, rebasedtest.Payment{To: rebasedtest.NewWallet(strconv.Itoa(i)).Address, Amount: 1})
	}
	for _, tx := range []rebasedtest.Transaction{
		{From: payer, Pays: append(pays, rebasedtest.Payment{To: us, Amount: 9})},
		{From: payer, Pays: []rebasedtest.Payment{{To: us, Amount: 7}}, Failed: true, Changes: []rebasedtest.Change{{Owner: us, Coin: rebasedtest.IOTA, Amount: "3"}}},
		{From: we, Pays: []rebasedtest.Payment{{To: us, Amount: 100}}},
		{From: payer, Changes: []rebasedtest.Change{{Owner: us, Coin: "0x168da5bf1f48dafc111b0a488fa454aca95e0b5e168da5bf1f48dafc111b0a48::usdc::USDC", Amount: "15"},
			{Owner: us, Object: true, Coin: rebasedtest.IOTA, Amount: "15"}}},
		{From: payer, Pays: []rebasedtest.Payment{{To: us, Amount: 11}}, Rebate: 3_000_000},
	} {
		digests = append(digests, s.Submit(tx))
	}
	s.Seal()
	return s, us, digests
}

// The official client reads the simulated node in both ways, and both tell the same, of the ledger and of our own reader.
func TestTheOfficialClientReadsTheSimulatedNode(t *testing.T) {
	s, us, digests := house(t)
	var got struct{ JSONRPC, GraphQL seen }
	run(t, "read.cjs", nil, &got, append([]string{s.GraphQL(), s.JSONRPC(), us}, digests...)...)
	head := strconv.FormatUint(s.Seal()-1, 10)
	for name, g := range map[string]seen{"jsonrpc": got.JSONRPC, "graphql": got.GraphQL} {
		if g.Chain != rebasedtest.Chain || g.Head != head || g.Checkpoint["sequenceNumber"] != head || g.Total != strconv.Itoa(len(digests)) {
			t.Errorf("%s: chain %s, head %s, checkpoint %v, %s transactions", name, g.Chain, g.Head, g.Checkpoint, g.Total)
		}
		var list []string
		for _, f := range g.Found {
			list = append(list, f.Digest)
			f.check(t, name)
		}
		many := slices.Sorted(slices.Values(g.Many))
		if !slices.Equal(list, digests) || !slices.Equal(many, slices.Sorted(slices.Values(digests))) || g.One.Digest != digests[0] || g.Newest != digests[len(digests)-1] {
			t.Errorf("%s: found %d transactions, asked for %d, want %d", name, len(list), len(g.Many), len(digests))
		}
		if want := s.Balance(us).String(); g.Balance["totalBalance"] != want || g.Balances[0]["totalBalance"] != want || g.Balance["coinType"] != "0x2::iota::IOTA" {
			t.Errorf("%s: balance %v, want %s", name, g.Balance, want)
		}
		if g.Metadata["decimals"] != float64(rebased.Decimals) {
			t.Errorf("%s: %v", name, g.Metadata)
		}
	}
	// Whatever the two ways tell of a transaction is the same.
	for i := range got.JSONRPC.Found {
		if a, b := got.JSONRPC.Found[i], got.GraphQL.Found[i]; !reflect.DeepEqual(a, b) {
			t.Errorf("JSON-RPC: %+v\nGraphQL: %+v", a, b)
		}
	}
	delete(got.JSONRPC.Checkpoint, "epochRollingGasCostSummary")
	delete(got.GraphQL.Checkpoint, "epochRollingGasCostSummary")
	if !reflect.DeepEqual(got.JSONRPC.Checkpoint["transactions"], got.GraphQL.Checkpoint["transactions"]) {
		t.Errorf("checkpoints %v and %v", got.JSONRPC.Checkpoint, got.GraphQL.Checkpoint)
	}
	if got, want := read(t, s, us), got.JSONRPC.deposits(us); !slices.Equal(got, want) {
		t.Errorf("our reader %v\nby the SDK's eyes %v", got, want)
	}
}

// check holds that what the node says of a transaction is what its bytes say, and that it is signed.
func (f fact) check(t *testing.T, name string) {
	t.Helper()
	if f.BytesDigest != f.Digest || f.EffectsDigest != f.Digest {
		t.Errorf("%s: %s has the digest %s, its effects that of %s", name, f.Digest, f.BytesDigest, f.EffectsDigest)
	}
	if f.BytesSender != f.Sender || f.Signer != f.Sender {
		t.Errorf("%s: %s is from %s, by its bytes from %s, signed by %s", name, f.Digest, f.Sender, f.BytesSender, f.Signer)
	}
	if f.Checkpoint == "" || f.TimestampMS == "" {
		t.Errorf("%s: %s is in checkpoint %q at %q", name, f.Digest, f.Checkpoint, f.TimestampMS)
	}
}

// deposits is, as short as can be, what the SDK's facts mean for us: digest and amount.
func (g seen) deposits(us string) (list []string) {
	for _, f := range g.Found {
		sum, recipients := int64(0), map[string]bool{}
		for _, c := range f.Changes {
			n, _ := strconv.ParseInt(c.Amount, 10, 64)
			if c.CoinType != "0x2::iota::IOTA" || c.Owner["AddressOwner"] == nil {
				continue
			}
			if owner := c.Owner["AddressOwner"].(string); owner != f.Sender && n > 0 {
				recipients[owner] = true
			}
			if c.Owner["AddressOwner"] == us {
				sum += n
			}
		}
		if f.Status != "success" || f.Sender == us || sum <= 0 {
			continue
		}
		id := f.Digest
		if len(recipients) > 1 {
			id += ":" + us
		}
		list = append(list, fmt.Sprintf("%s %d from %s", id, sum, f.Sender))
	}
	return list
}

// read reads all deposits by our own reader with both nodes.
func read(t *testing.T, s *rebasedtest.Server, us string) (list []string) {
	t.Helper()
	l, err := rebased.New(rebased.Options{Node: s.GraphQL(), SecondNode: s.JSONRPC(), Address: us})
	if err != nil {
		t.Fatal(err)
	}
	for cursor, more := "", true; more; {
		var b billing.Batch
		if b, err = l.Deposits(t.Context(), cursor); err != nil {
			t.Fatal(err)
		}
		for _, d := range b.Deposits {
			list = append(list, fmt.Sprintf("%s %d from %s", d.ID, d.Amount, d.Sender))
		}
		cursor, more = b.Cursor, b.More
	}
	return list
}
