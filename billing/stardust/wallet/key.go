//go:build !arm && !386

package wallet

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	iotago "github.com/iotaledger/iota.go/v3"
)

// Wallet is a key that can spend.
type Wallet struct{ key ed25519.PrivateKey }

// Load reads a key file: one line, the 32 bytes of an Ed25519 seed in hexadecimal. No error repeats what is in it.
func Load(path string) (*Wallet, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open the wallet: %w", err)
	}
	seed, err := hex.DecodeString(strings.TrimPrefix(strings.TrimSpace(string(raw)), "0x"))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("cannot open the wallet %s: it must hold 64 hexadecimal digits, an Ed25519 seed", path)
	}
	return &Wallet{key: ed25519.NewKeyFromSeed(seed)}, nil
}

// Create makes a key and writes it to path, mode 0600; a file that is there is never replaced.
func Create(path string) (*Wallet, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot create the wallet: %w", err)
	}
	_, err = f.WriteString(hex.EncodeToString(key.Seed()) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("cannot create the wallet: %w", err)
	}
	return &Wallet{key: key}, nil
}

// Address is the wallet's address in the network whose addresses begin with hrp.
func (w *Wallet) Address(hrp string) string {
	a := w.address()
	return a.Bech32(iotago.NetworkPrefix(hrp))
}

func (w *Wallet) address() iotago.Ed25519Address {
	return iotago.Ed25519AddressFromPubKey(w.key.Public().(ed25519.PublicKey))
}
