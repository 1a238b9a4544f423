package rebased

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/crypto/blake2b"
)

// MaxPersonalMessage is the longest personal message that is looked at, in bytes.
const MaxPersonalMessage = 16 << 10

// The parts of a signature as wallets write it: one byte for the scheme, the signature, the public key.
const (
	schemeEd25519  = 0
	signatureBytes = 1 + ed25519.SignatureSize + ed25519.PublicKeySize
	maxSignature   = 4096 // characters; the largest of other schemes stay below
)

// VerifyPersonalMessage checks that the owner of address signed message with his wallet (signPersonalMessage). signature
// is base64 of scheme, signature and public key, at most 4,096 characters; only Ed25519 is known, and an error names any
// other scheme. The address is in any case of letters; message has at most MaxPersonalMessage bytes.
func VerifyPersonalMessage(address string, message []byte, signature string) error {
	want, err := ParseAddress(address)
	if err != nil {
		return err
	}
	if len(message) > MaxPersonalMessage || len(signature) > maxSignature {
		return fmt.Errorf("cannot check the signature: the message has more than %d bytes or the signature more than %d characters (sign a short text)",
			MaxPersonalMessage, maxSignature)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil || len(raw) == 0 {
		return errors.New("cannot check the signature: it is not base64 (copy all of what the wallet's signPersonalMessage returned)")
	}
	if raw[0] != schemeEd25519 {
		return fmt.Errorf("cannot check a signature of scheme %s: only Ed25519 is known (pay and claim from an Ed25519 account, or ask the owner to assign the payment)",
			schemeName(raw[0]))
	}
	if len(raw) != signatureBytes {
		return fmt.Errorf("cannot check the signature: it has %d bytes, an Ed25519 one has %d (copy all of it)", len(raw), signatureBytes)
	}
	sig, key := raw[1:1+ed25519.SignatureSize], ed25519.PublicKey(raw[1+ed25519.SignatureSize:])
	if addressOf(key) != want {
		return errors.New("cannot accept the signature: it was made by the owner of another address (sign with the account that paid)")
	}
	digest := personalDigest(message)
	if !ed25519.Verify(key, digest[:], sig) {
		return errors.New("cannot accept the signature: it does not belong to this message (sign exactly the text that was asked for)")
	}
	return nil
}

// addressOf is the address of an Ed25519 key; unlike that of any other scheme, it is hashed without a flag.
func addressOf(key ed25519.PublicKey) string {
	sum := blake2b.Sum256(key)
	return "0x" + hex.EncodeToString(sum[:])
}

// personalDigest is what a wallet signs: the hash of the intent (personal message, version 0, IOTA) and the message as
// BCS, which is its length in LEB128 and its bytes.
func personalDigest(message []byte) [32]byte {
	signed := binary.AppendUvarint([]byte{3, 0, 0}, uint64(len(message)))
	return blake2b.Sum256(append(signed, message...))
}

// schemeName names the scheme of a signature.
func schemeName(flag byte) string {
	switch flag {
	case 1:
		return "Secp256k1"
	case 2:
		return "Secp256r1"
	case 3:
		return "MultiSig"
	case 5:
		return "zkLogin"
	case 6:
		return "Passkey"
	case 7:
		return "MoveAuthenticator"
	}
	return fmt.Sprintf("%d", flag)
}
