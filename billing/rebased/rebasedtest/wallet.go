package rebasedtest

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math/big"

	"golang.org/x/crypto/blake2b"
)

// Wallet is an Ed25519 key of somebody, and his one gas coin.
type Wallet struct {
	// Address is 0x and 64 hexadecimal digits.
	Address string
	key     ed25519.PrivateKey
	gas     string // object id of his gas coin
}

// NewWallet is the wallet that belongs to a name: the same one each time.
func NewWallet(name string) *Wallet {
	seed := blake2b.Sum256([]byte("rebasedtest wallet " + name))
	w := &Wallet{key: ed25519.NewKeyFromSeed(seed[:])}
	w.Address = hash("", w.public())
	w.gas = hash("gas coin", w.public())
	return w
}

func (w *Wallet) public() []byte { return w.key.Public().(ed25519.PublicKey) }

// SignPersonalMessage signs a message as wallets do and returns scheme, signature and key in base64.
func (w *Wallet) SignPersonalMessage(message []byte) string {
	return base64.StdEncoding.EncodeToString(w.sign(3, append(binary.AppendUvarint(nil, uint64(len(message))), message...)))
}

// sign signs BCS with an intent of the given scope.
func (w *Wallet) sign(scope byte, bcs []byte) []byte {
	sum := blake2b.Sum256(append([]byte{scope, 0, 0}, bcs...))
	return append(append([]byte{0}, ed25519.Sign(w.key, sum[:])...), w.public()...)
}

// hash is BLAKE2b-256 as an address or object id.
func hash(prefix string, data []byte) string {
	sum := blake2b.Sum256(append([]byte(prefix), data...))
	return "0x" + hex.EncodeToString(sum[:])
}

// digest is BLAKE2b-256 in base58, as digests are written.
func digest(prefix string, data []byte) string {
	sum := blake2b.Sum256(append([]byte(prefix), data...))
	return base58(sum[:])
}

func base58(data []byte) string {
	const digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	n, base, mod := new(big.Int).SetBytes(data), big.NewInt(58), new(big.Int)
	var out []byte
	for n.Sign() > 0 {
		n.DivMod(n, base, mod)
		out = append([]byte{digits[mod.Int64()]}, out...)
	}
	for _, b := range data {
		if b != 0 {
			break
		}
		out = append([]byte{'1'}, out...)
	}
	return string(out)
}

// unbase58 is the inverse of base58 for a digest of 32 bytes made here.
func unbase58(text string) []byte {
	const digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	n := new(big.Int)
	for i := range len(text) {
		for d := range len(digits) {
			if digits[d] == text[i] {
				n.Add(n.Mul(n, big.NewInt(58)), big.NewInt(int64(d)))
			}
		}
	}
	return n.FillBytes(make([]byte, 32))
}
