package wallet_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/billing/stardust"
	"github.com/wattgate/wattgate/billing/stardust/wallet"
)

// An address is bech32 of a 0 and the BLAKE2b-256 of the public key; the known one was computed by other means.
func TestAKeyFileHasOneAddress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	made, err := wallet.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := wallet.Load(path)
	if err != nil || loaded.Address("tst") != made.Address("tst") {
		t.Errorf("loaded %v, %v", loaded, err)
	}
	if hrp, err := stardust.ParseAddress(made.Address("smr")); err != nil || hrp != "smr" {
		t.Errorf("its address is of %q, %v", hrp, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its file: %v, %v", info.Mode(), err)
	}
	if _, err := wallet.Create(path); err == nil {
		t.Error("a key was replaced")
	}
	// RFC 8032, test 1: secret 9d61…, public d75a….
	known := filepath.Join(t.TempDir(), "known")
	if err := os.WriteFile(known, []byte("0x9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := wallet.Load(known)
	if err != nil || w.Address("tst") != "tst1qpuyntpsf95qhc00wch0urfkuqtn8s6xf6cv032czw9v7f9mycaax6esrvd" {
		t.Errorf("address %s, %v", w.Address("tst"), err)
	}
}

func TestABrokenKeyFileIsNotRepeated(t *testing.T) {
	for _, text := range []string{"", "9d61", strings.Repeat("9d", 33), strings.Repeat("zz", 32), strings.Repeat("9d", 64)} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := wallet.Load(path); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
