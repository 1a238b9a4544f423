package stardusttest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"time"

	iotago "github.com/iotaledger/iota.go/v3"

	"github.com/wattgate/wattgate/billing/stardust/stardusttest"
)

// A fake is worth as much as it is like the real thing: its answers have the fields of those that a node gave.
func TestFakeAnswersLikeARecordedNode(t *testing.T) {
	f := stardusttest.NewFake("fake")
	o := &iotago.BasicOutput{Amount: 1234,
		Conditions: iotago.UnlockConditions{&iotago.AddressUnlockCondition{Address: &iotago.Ed25519Address{1}}},
		Features:   iotago.Features{&iotago.MetadataFeature{Data: []byte("m")}, &iotago.TagFeature{Tag: []byte("t")}}}
	index, ids, err := f.Milestone(time.Now(), o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(f)
	defer server.Close()
	for path, file := range map[string]string{
		"info": "info.json", fmt.Sprintf("milestones/by-index/%d/utxo-changes", index): "changes.json", "outputs/" + ids[0].ToHex(): "output-basic.json",
	} {
		res, err := http.Get(server.URL + "/api/core/v2/" + path)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		recorded, err := os.ReadFile("../node/testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := shape(t, raw), shape(t, recorded); !maps.Equal(got, want) {
			t.Errorf("%s\ngot  %v\nwant %v", file, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
}

// shape is every path to a value in a JSON document, with the value's kind.
func shape(t *testing.T, raw []byte) map[string]bool {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	out := map[string]bool{}
	var visit func(path string, v any)
	visit = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, part := range v {
				visit(path+"."+k, part)
			}
		case []any: // how long it is does not matter
			out[path+"[]"] = true
			for _, part := range v {
				if _, ok := part.(map[string]any); ok {
					visit(path+"[]", part)
				}
			}
		default:
			out[fmt.Sprintf("%s %T", path, v)] = true
		}
	}
	visit("", v)
	return out
}
