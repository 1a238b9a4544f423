package node_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	iotago "github.com/iotaledger/iota.go/v3"

	"github.com/wattgate/wattgate/billing/stardust/node"
	"github.com/wattgate/wattgate/billing/stardust/stardusttest"
)

// TestRecord writes testdata anew from a real node: WATTGATE_REQUIRE=ledger WATTGATE_RECORD=1 go test -run TestRecord .
func TestRecord(t *testing.T) {
	if os.Getenv("WATTGATE_RECORD") == "" {
		t.Skip("records testdata only when asked to")
	}
	n := stardusttest.New(t, stardusttest.Options{})
	ctx := stardusttest.Context(t)
	to := n.Wallets[1].Address(n.HRP)
	_, owner, err := iotago.ParseBech32(to)
	if err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	basic, err := n.Output(stardusttest.Payment{To: to, Amount: 1234, Tag: "wg-abcdefghijklmnop", Metadata: []byte("\x01sealed")})
	if err != nil {
		t.Fatal(err)
	}
	bound, err := n.Output(stardusttest.Payment{To: to, Amount: 2000, Return: 700, Expires: later, Locked: later.Add(-time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	paid, err := n.Send(ctx, 0, basic, bound,
		&iotago.NFTOutput{Amount: 5000, Conditions: iotago.UnlockConditions{&iotago.AddressUnlockCondition{Address: owner}}},
		&iotago.AliasOutput{Amount: 6000, Conditions: iotago.UnlockConditions{&iotago.StateControllerAddressUnlockCondition{Address: owner}, &iotago.GovernorAddressUnlockCondition{Address: owner}}})
	if err != nil {
		t.Fatal(err)
	}
	told := recorded{Address: to, Sender: n.Wallets[0].Address(n.HRP), Transaction: paid.TransactionID}
	for i, name := range []string{"basic", "bound", "nft", "alias"} {
		save(t, n, fmt.Sprintf("/api/core/v2/outputs/%s%02x00", paid.TransactionID, i), "application/json", "output-"+name+".json")
	}
	id, err := iotago.OutputIDFromHex(paid.OutputID)
	if err != nil {
		t.Fatal(err)
	}
	o, err := n.Node.Output(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	m, err := n.Node.Milestone(ctx, o.Booked)
	if err != nil {
		t.Fatal(err)
	}
	told.Milestone, told.MilestoneID, told.At, told.Block = o.Booked, m.ID.ToHex(), m.At, o.Block.ToHex()
	save(t, n, "/api/core/v2/info", "application/json", "info.json")
	save(t, n, fmt.Sprintf("/api/core/v2/milestones/by-index/%d/utxo-changes", o.Booked), "application/json", "changes.json")
	save(t, n, fmt.Sprintf("/api/core/v2/milestones/by-index/%d", o.Booked), "application/vnd.iota.serializer-v1", "milestone.bin")
	save(t, n, "/api/core/v2/blocks/"+o.Block.ToHex(), "application/vnd.iota.serializer-v1", "block.bin")
	raw, err := json.MarshalIndent(told, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("testdata/recorded.json", append(raw, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// recorded is what the answers in testdata must be read as.
type recorded struct {
	Address, Sender, Transaction, MilestoneID, Block string
	Milestone                                        uint32
	At                                               time.Time
}

func save(t *testing.T, n *stardusttest.Network, path, accept, name string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, n.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || int64(len(raw)) > node.MaxAnswer {
		t.Fatalf("%s: %s, %v", path, res.Status, err)
	}
	if err := os.WriteFile(filepath.Join("testdata", name), raw, 0o644); err != nil {
		t.Fatal(err)
	}
}
