package addresses

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tyler-smith/go-bip39"
)

type vector struct {
	Mnemonic, Prefix, Address string
	Account, Index            uint32
}

func vectors(t *testing.T) (list struct{ Rebased, Stardust []vector }) {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err == nil {
		err = json.Unmarshal(raw, &list)
	}
	if err != nil || len(list.Rebased) == 0 || len(list.Stardust) == 0 {
		t.Fatalf("there are no vectors: %v", err)
	}
	return list
}

// Who types the words into a wallet finds the same addresses there.
func TestAddressesAreThoseOfTheWallets(t *testing.T) {
	all := vectors(t)
	for kind, list := range map[Kind][]vector{Rebased: all.Rebased, Stardust: all.Stardust} {
		for _, v := range list {
			got, err := Derive(v.Mnemonic, Request{Kind: kind, Prefix: v.Prefix, Account: v.Account, First: v.Index, Count: 1})
			if err != nil || !slices.Equal(got, []string{v.Address}) {
				t.Errorf("%s %d/%d: %v %v, want %s", kind, v.Account, v.Index, got, err, v.Address)
			}
		}
	}
}

func TestBech32IsThatOfTheStandard(t *testing.T) {
	// The example of TIP-31.
	sum, _ := hex.DecodeString("00efdc112efe262b304bcf379b26c31bad029f616ee3ec4aa6345a366e4c9e43a3")
	got, err := encodeBech32("iota", sum)
	if want := "iota1qrhacyfwlcnzkvzteumekfkrrwks98mpdm37cj4xx3drvmjvnep6xqgyzyx"; got != want || err != nil {
		t.Errorf("%s %v, want %s", got, err, want)
	}
	for _, hrp := range []string{"", "IOTA", "io ta", strings.Repeat("a", 84), "ио"} {
		if got, err := encodeBech32(hrp, sum); err == nil {
			t.Errorf("prefix %q gave %s", hrp, got)
		}
	}
}

func TestAPoolIsDerivedFromItsWords(t *testing.T) {
	r := Request{Kind: Rebased, Account: 2, First: 5, Count: 20}
	p, err := Make(r)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(strings.Fields(p.Mnemonic)); n != 24 || !bip39.IsMnemonicValid(p.Mnemonic) {
		t.Errorf("%d words", n)
	}
	again, err := Derive(p.Mnemonic, r)
	if err != nil || !slices.Equal(again, p.Addresses) {
		t.Errorf("derived again: %v, %v", again, err)
	}
	if slices.Sort(again); len(slices.Compact(again)) != r.Count {
		t.Error("an address is there twice")
	}
	other, err := Make(r)
	if err != nil || other.Mnemonic == p.Mnemonic || slices.Contains(p.Addresses, other.Addresses[0]) {
		t.Errorf("a second pool is like the first: %v", err)
	}
}

func TestRequestsThatCannotBeAreRefused(t *testing.T) {
	good := Request{Kind: Stardust, Prefix: "iota", Count: 1}
	words := vectors(t).Stardust[0].Mnemonic
	for name, change := range map[string]func(*Request){
		"kind":         func(r *Request) { r.Kind = "legacy" },
		"none":         func(r *Request) { r.Count = 0 },
		"too many":     func(r *Request) { r.Count = MaxCount + 1 },
		"account":      func(r *Request) { r.Account = 1 << 31 },
		"index":        func(r *Request) { r.First, r.Count = 1<<31-1, 2 },
		"first":        func(r *Request) { r.First = 1 << 31 },
		"no prefix":    func(r *Request) { r.Prefix = "" },
		"a prefix too": func(r *Request) { r.Kind = Rebased },
	} {
		r := good
		change(&r)
		if list, err := Derive(words, r); err == nil {
			t.Errorf("%s: %v", name, list)
		}
	}
	for name, bad := range map[string]string{"checksum": strings.Replace(words, " art", " abandon", 1), "word": strings.Replace(words, "abandon", "hunter2", 1), "short": "abandon about", "empty": ""} {
		if list, err := Derive(bad, good); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
}
