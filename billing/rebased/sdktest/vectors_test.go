package sdktest

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/billing/rebased"
	"github.com/wattgate/wattgate/billing/rebased/rebasedtest"
)

// The vectors that the packages are tested against are those which the SDK makes.
func TestVectorsAreTheSDKs(t *testing.T) {
	w := rebasedtest.NewWallet("payer")
	message := []byte("claim")
	asked := []map[string]any{
		{"address": w.Address, "message": message, "signature": w.SignPersonalMessage(message)},
		{"address": w.Address, "message": []byte("another"), "signature": w.SignPersonalMessage(message)},
	}
	var got struct {
		Vectors  map[string]any
		Secret   string
		Verdicts []bool
	}
	run(t, "vectors.cjs", asked, &got)
	for field, file := range map[string]string{"derived": "../../addresses/testdata/vectors.json", "signed": "../testdata/personal.json", "others": "../testdata/personal.json"} {
		var stored map[string]any
		raw, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(raw, &stored)
		}
		if err != nil {
			t.Fatal(err)
		}
		name := field
		if field == "derived" {
			name = "rebased"
		}
		if !reflect.DeepEqual(stored[name], got.Vectors[field]) {
			t.Errorf("%s: the SDK makes other vectors for %s", file, name)
		}
	}
	// A simulated wallet signs as a real one, and a secret key as the SDK writes it is recognised.
	if !reflect.DeepEqual(got.Verdicts, []bool{true, false}) {
		t.Errorf("the SDK says %v of a simulated wallet's signature and a wrong one", got.Verdicts)
	}
	if _, err := rebased.ParseAddress(got.Secret); err == nil || !strings.Contains(err.Error(), "secret") || !strings.HasPrefix(got.Secret, "iotaprivkey") {
		t.Errorf("a secret key: %v", err)
	}
}
