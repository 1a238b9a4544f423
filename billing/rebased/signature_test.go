package rebased_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/billing/rebased"
	"github.com/wattgate/wattgate/billing/rebased/rebasedtest"
)

type personal struct {
	Scheme    string
	Address   string
	Message   []byte
	Signature string
}

func personals(t *testing.T) (list struct{ Signed, Others []personal }) {
	t.Helper()
	raw, err := os.ReadFile("testdata/personal.json")
	if err == nil {
		err = json.Unmarshal(raw, &list)
	}
	if err != nil || len(list.Signed) == 0 || len(list.Others) == 0 {
		t.Fatalf("there are no vectors: %v", err)
	}
	return list
}

func TestSignaturesOfTheOfficialWalletsAreAccepted(t *testing.T) {
	for _, v := range personals(t).Signed {
		if err := rebased.VerifyPersonalMessage(v.Address, v.Message, v.Signature); err != nil {
			t.Errorf("%d bytes: %v", len(v.Message), err)
		}
		if err := rebased.VerifyPersonalMessage(strings.ToUpper(v.Address), v.Message, v.Signature); err != nil {
			t.Errorf("upper case: %v", err)
		}
	}
}

func TestOtherSchemesAreNamed(t *testing.T) {
	for _, v := range personals(t).Others {
		err := rebased.VerifyPersonalMessage(v.Address, v.Message, v.Signature)
		if err == nil || !strings.Contains(err.Error(), v.Scheme) {
			t.Errorf("%s: %v", v.Scheme, err)
		}
	}
}

// Every bit of a signature counts, and nothing but the message and the address it was made for.
func TestNoOtherSignatureIsAccepted(t *testing.T) {
	v := personals(t).Signed[0]
	raw, err := base64.StdEncoding.DecodeString(v.Signature)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(raw) {
		raw[bit/8] ^= 1 << (bit % 8)
		if rebased.VerifyPersonalMessage(v.Address, v.Message, base64.StdEncoding.EncodeToString(raw)) == nil {
			t.Fatalf("accepted with bit %d turned", bit)
		}
		raw[bit/8] ^= 1 << (bit % 8)
	}
	mallory := rebasedtest.NewWallet("mallory")
	for name, try := range map[string]personal{
		"another message":   {Address: v.Address, Message: append([]byte("x"), v.Message...), Signature: v.Signature},
		"no message":        {Address: v.Address, Signature: v.Signature},
		"another address":   {Address: mallory.Address, Message: v.Message, Signature: v.Signature},
		"another's":         {Address: v.Address, Message: v.Message, Signature: mallory.SignPersonalMessage(v.Message)},
		"no signature":      {Address: v.Address, Message: v.Message},
		"no base64":         {Address: v.Address, Message: v.Message, Signature: "?" + v.Signature},
		"loose base64":      {Address: v.Address, Message: v.Message, Signature: v.Signature + "\n\n" + "AA=="},
		"spare bits":        {Address: v.Address, Message: v.Message, Signature: v.Signature[:len(v.Signature)-3] + "x=="},
		"cut":               {Address: v.Address, Message: v.Message, Signature: base64.StdEncoding.EncodeToString(raw[:96])},
		"long":              {Address: v.Address, Message: v.Message, Signature: base64.StdEncoding.EncodeToString(append(raw, 0))},
		"far too long":      {Address: v.Address, Message: v.Message, Signature: strings.Repeat("AAAA", 5000)},
		"a huge message":    {Address: mallory.Address, Message: make([]byte, rebased.MaxPersonalMessage+1), Signature: mallory.SignPersonalMessage(make([]byte, rebased.MaxPersonalMessage+1))},
		"no address":        {Message: v.Message, Signature: v.Signature},
		"address of nobody": {Address: "0x" + strings.Repeat("0", 64), Message: v.Message, Signature: v.Signature},
	} {
		if rebased.VerifyPersonalMessage(try.Address, try.Message, try.Signature) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if err := rebased.VerifyPersonalMessage(mallory.Address, v.Message, mallory.SignPersonalMessage(v.Message)); err != nil {
		t.Errorf("a simulated wallet's own: %v", err)
	}
}
