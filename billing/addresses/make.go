package addresses

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/tyler-smith/go-bip39"
	"golang.org/x/crypto/blake2b"
)

// Kind is how a network writes addresses.
type Kind string

// The kinds of addresses.
const (
	Rebased  Kind = "rebased"  // 0x and 64 hexadecimal digits
	Stardust Kind = "stardust" // bech32 with the prefix of the network
)

// MaxCount is the largest number of addresses made at once.
const MaxCount = 10_000

// entropyBits gives a mnemonic of 24 words.
const entropyBits = 256

// hardened marks a step of a path that needs the private key.
const hardened = 1 << 31

// Request says which addresses are wanted.
type Request struct {
	Kind Kind
	// Prefix begins Stardust addresses: iota on the network that ended in 2025, another one on a private network. Rebased
	// has none.
	Prefix string
	// Account is the account of the wallet, 0 to 2³¹-1.
	Account uint32
	// First is the index of the first address, 0 to 2³¹-1.
	First uint32
	// Count is the number of addresses, 1 to MaxCount.
	Count int
}

// Pool is what was made. The mnemonic spends everything that arrives at the addresses: it is to be written down and kept
// away from the gateway.
type Pool struct {
	// Mnemonic is 24 English words of BIP-39, without a passphrase.
	Mnemonic string
	// Addresses are in the sequence of their indices.
	Addresses []string
}

// Make draws a fresh mnemonic and derives addresses from it.
func Make(r Request) (Pool, error) {
	entropy, err := bip39.NewEntropy(entropyBits)
	if err != nil {
		return Pool{}, fmt.Errorf("cannot draw a mnemonic: %w", err)
	}
	words, err := bip39.NewMnemonic(entropy)
	if err != nil {
		return Pool{}, fmt.Errorf("cannot draw a mnemonic: %w", err)
	}
	list, err := Derive(words, r)
	return Pool{Mnemonic: words, Addresses: list}, err
}

// Derive lists addresses of a mnemonic made earlier. Errors do not repeat the mnemonic.
func Derive(mnemonic string, r Request) ([]string, error) {
	switch {
	case r.Kind != Rebased && r.Kind != Stardust:
		return nil, fmt.Errorf("cannot make addresses of kind %q: there are %s and %s", r.Kind, Rebased, Stardust)
	case r.Count < 1 || r.Count > MaxCount:
		return nil, fmt.Errorf("cannot make %d addresses: 1 to %d are made at once", r.Count, MaxCount)
	case r.Account >= hardened || r.First >= hardened || uint64(r.First)+uint64(r.Count) > hardened:
		return nil, errors.New("cannot make these addresses: accounts and indices go up to 2147483647")
	case r.Kind == Rebased && r.Prefix != "":
		return nil, errors.New("cannot make these addresses: those of Rebased have no prefix (leave it out)")
	}
	seed, err := bip39.NewSeedWithErrorChecking(mnemonic, "")
	if err != nil { // the library's error would name a word
		return nil, errors.New("cannot read the mnemonic: it is 12 to 24 English words of BIP-39, the last of which is a checksum (look for a mistyped one)")
	}
	// 4218 is IOTA's number in SLIP-44.
	parent := master(seed).child(44).child(4218).child(r.Account).child(0)
	list := make([]string, 0, r.Count)
	for i := range r.Count {
		key := parent.child(r.First + uint32(i))
		address, err := r.write(ed25519.NewKeyFromSeed(key.secret[:]).Public().(ed25519.PublicKey))
		if err != nil {
			return nil, err
		}
		list = append(list, address)
	}
	return list, nil
}

// write is the address of a public key. Both networks hash the key alone; Stardust puts the kind of address, 0, in front.
func (r Request) write(public ed25519.PublicKey) (string, error) {
	sum := blake2b.Sum256(public)
	if r.Kind == Stardust {
		return encodeBech32(r.Prefix, append([]byte{0}, sum[:]...))
	}
	return "0x" + hex.EncodeToString(sum[:]), nil
}

// extended is a key of SLIP-10 with what its children need.
type extended struct {
	secret [32]byte
	chain  [32]byte
}

func master(seed []byte) extended { return split([]byte("ed25519 seed"), seed) }

// child is the hardened child; SLIP-10 has no other for Ed25519.
func (k extended) child(index uint32) extended {
	data := append([]byte{0}, k.secret[:]...)
	return split(k.chain[:], binary.BigEndian.AppendUint32(data, index|hardened))
}

func split(key, data []byte) (k extended) {
	mac := hmac.New(sha512.New, key)
	mac.Write(data)
	sum := mac.Sum(nil)
	copy(k.secret[:], sum[:32])
	copy(k.chain[:], sum[32:])
	return k
}
