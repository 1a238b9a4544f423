package rebased

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// specs has what the network's makers published: answers that their own tests recorded, and examples.
const specs = "../../../shared/specs"

func recorded(t *testing.T, name string) string {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(specs, name))
	if len(found) == 0 {
		t.Skipf("SKIPPED: the published %s is not here", name)
	}
	raw, err := os.ReadFile(found[len(found)-1])
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// recordedNode is what the recorded queries asked for of what we ask for, too.
type recordedNode struct {
	Digest  *string
	Sender  *wireAddress
	Effects *struct {
		Status, Timestamp *string
		Checkpoint        *wireCheckpoint
		BalanceChanges    wireChanges
	}
}

func TestRecordedTransactionsAreUnderstood(t *testing.T) {
	no, count := false, 0
	for _, part := range strings.Split(recorded(t, "graphql-e2e-programmable.exp"), "Response: ")[1:] {
		var answer struct {
			Data struct {
				TransactionBlocks struct{ Nodes []recordedNode }
			}
		}
		if err := json.NewDecoder(strings.NewReader(part)).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		for _, n := range answer.Data.TransactionBlocks.Nodes {
			if n.Effects == nil || n.Effects.BalanceChanges.Nodes == nil {
				continue
			}
			n.Effects.Checkpoint.Timestamp = n.Effects.Timestamp
			n.Effects.BalanceChanges.PageInfo.HasNextPage = &no
			wire := wireTransaction{Digest: n.Digest, Sender: n.Sender}
			raw, err := json.Marshal(map[string]any{"status": n.Effects.Status, "checkpoint": n.Effects.Checkpoint, "balanceChanges": n.Effects.BalanceChanges})
			if err == nil {
				err = json.Unmarshal(raw, &wire.Effects)
			}
			if err != nil {
				t.Fatal(err)
			}
			tx, rest, err := wire.transaction()
			if err != nil || rest != "" || tx.sender != *n.Sender.Address || len(tx.changes) != len(n.Effects.BalanceChanges.Nodes) {
				t.Errorf("%s: %+v, %v", *n.Digest, tx, err)
			}
			for _, c := range tx.changes {
				if !isIOTA(c.coinType) || c.amount.Sign() == 0 {
					t.Errorf("%s: %+v", *n.Digest, c)
				}
			}
			count += len(tx.changes)
		}
	}
	if count == 0 {
		t.Error("nothing was recorded")
	}
}

func TestThePublishedExampleIsUnderstood(t *testing.T) {
	var d struct {
		Methods []struct {
			Name     string
			Examples []struct {
				Result struct{ Value json.RawMessage }
			}
		}
	}
	if err := json.Unmarshal([]byte(recorded(t, "openrpc-*.json")), &d); err != nil {
		t.Fatal(err)
	}
	for _, m := range d.Methods {
		if m.Name != "iota_getTransactionBlock" {
			continue
		}
		var example map[string]any
		if err := json.Unmarshal(m.Examples[0].Result.Value, &example); err != nil {
			t.Fatal(err)
		}
		// It was asked for without these.
		example["checkpoint"], example["timestampMs"] = "507021", "1676911928"
		example["balanceChanges"] = []any{map[string]any{"owner": "Immutable", "coinType": coinShort, "amount": "-5"}}
		raw, err := json.Marshal(example)
		if err != nil {
			t.Fatal(err)
		}
		var wire rpcTransaction
		if err := json.Unmarshal(raw, &wire); err != nil {
			t.Fatal(err)
		}
		tx, err := wire.parse()
		if err != nil || !tx.success || !isDigest(tx.digest) || tx.checkpoint != 507021 || tx.sender != "0xeb126769c0e4c365a80a2a9332872d7ed1f0b66d31a7eae33ee136996c1f3638" {
			t.Errorf("%+v, %v", tx, err)
		}
		return
	}
	t.Error("the example is gone")
}

func TestDigestsAre32BytesInBase58(t *testing.T) {
	for _, good := range []string{"J9n6NfZCesxAQNjwgf2nSK5kcfes77tTRcGNBLacrWGZ", "tvDgE7mmbtwGC6Kg1tyUptAZyjVxSxCpLPYmSSv7tLe", strings.Repeat("1", 32)} {
		if !isDigest(good) {
			t.Errorf("%s is refused", good)
		}
	}
	for _, bad := range []string{"", strings.Repeat("1", 31), strings.Repeat("1", 33), strings.Repeat("z", 44), "J9n6NfZCesxAQNjwgf2nSK5kcfes77tTRcGNBLacrWG0", "J9n6NfZCesxAQNjwgf2nSK5kcfes77tTRcGNBLacrWGZ11"} {
		if isDigest(bad) {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// A null where the schema allows one is an error where money depends on it.
func TestNullsAreErrors(t *testing.T) {
	const whole = `{"digest":"J9n6NfZCesxAQNjwgf2nSK5kcfes77tTRcGNBLacrWGZ","sender":null,"effects":{"status":"SUCCESS",
		"checkpoint":{"sequenceNumber":1,"timestamp":"2026-11-24T00:00:00Z"},"balanceChanges":{"pageInfo":{"hasNextPage":false,"endCursor":null},
		"nodes":[{"owner":{"address":"0x9f8e5379678525edf768d7b507dc1ba9016fc4f0eac976ab7f74077d95fba312","asObject":null},"coinType":{"repr":"x"},"amount":"1"}]}}}`
	for _, field := range []string{"", "digest", "effects", "status", "checkpoint", "sequenceNumber", "timestamp", "balanceChanges", "pageInfo", "hasNextPage", "nodes", "address", "coinType", "repr", "amount"} {
		text := whole
		if field != "" {
			text = strings.Replace(text, `"`+field+`":`, `"`+field+`":null,"was":`, 1)
		}
		var wire wireTransaction
		if err := json.Unmarshal([]byte(text), &wire); err != nil {
			t.Fatal(err)
		}
		if _, _, err := wire.transaction(); (err == nil) != (field == "") {
			t.Errorf("%q null: %v", field, err)
		}
	}
}
