package billing

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// The envelope of a sealed order: version, key id, HPKE encapsulation, ciphertext.
const (
	// MaxSealed is the largest sealed order, in bytes: what the order topic and the HTTP API accept.
	MaxSealed = 2 << 10

	sealedVersion = 0x01
	kidSize       = 8
	encSize       = 32 // DHKEM(X25519)
	tagSize       = 16 // ChaCha20-Poly1305
	padTo         = 256
	sealedHeader  = 1 + kidSize + encSize
	maxPlain      = (MaxSealed - sealedHeader - tagSize) / padTo * padTo
)

const (
	orderInfo = "wattgate/order/v1"
	replyInfo = "wattgate/reply/v1"
)

// OrderHash is the lower-case hex SHA-256 of a sealed order: its public name.
func OrderHash(sealed []byte) string { return hashOf(sealed) }

// keyID names an X25519 public key by the first 8 bytes of its SHA-256.
func keyID(public []byte) []byte {
	sum := sha256.Sum256(public)
	return sum[:kidSize]
}

// orderContext binds a sealed order to one gateway and one of its keys.
func orderContext(gateway, kid []byte) []byte {
	return bytes.Join([][]byte{[]byte(orderInfo), {0}, gateway, kid}, nil)
}

// sealPlain pads the plaintext with blanks, so that its length tells little, and seals it.
func sealPlain(plain, gateway, public []byte) ([]byte, error) {
	padded := (len(plain) + padTo - 1) / padTo * padTo
	if padded > maxPlain {
		return nil, fmt.Errorf("cannot seal order: it has %d bytes, at most %d fit (shorten the addresses)", len(plain), maxPlain)
	}
	plain = append(bytes.Clone(plain), bytes.Repeat([]byte(" "), padded-len(plain))...)
	key, err := hpke.DHKEM(ecdh.X25519()).NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("cannot seal order: the offer's key is unusable: %w", err)
	}
	kid := keyID(public)
	box, err := hpke.Seal(key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), orderContext(gateway, kid), plain)
	if err != nil {
		return nil, fmt.Errorf("cannot seal order: %w", err)
	}
	return bytes.Join([][]byte{{sealedVersion}, kid, box}, nil), nil
}

// sealedKID is the key id of an envelope of the right shape; nil otherwise.
func sealedKID(sealed []byte) []byte {
	body := len(sealed) - sealedHeader - tagSize
	if len(sealed) > MaxSealed || body < padTo || body%padTo != 0 || sealed[0] != sealedVersion {
		return nil
	}
	return sealed[1 : 1+kidSize]
}

// openPlain undoes sealPlain. There is one error for whatever is wrong.
func openPlain(sealed, gateway, private []byte) ([]byte, error) {
	wrong := errors.New("cannot open the sealed order")
	kid := sealedKID(sealed)
	if kid == nil {
		return nil, wrong
	}
	key, err := hpke.DHKEM(ecdh.X25519()).NewPrivateKey(private)
	if err != nil {
		return nil, wrong
	}
	plain, err := hpke.Open(key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), orderContext(gateway, kid), sealed[1+kidSize:])
	if err != nil {
		return nil, wrong
	}
	return bytes.TrimRight(plain, " "), nil
}

// NewReplyKey makes the key pair that a generated password is sealed to; one per order.
func NewReplyKey() (*ecdh.PrivateKey, error) { return ecdh.X25519().GenerateKey(rand.Reader) }

func replyContext(orderHash string) []byte { return []byte(replyInfo + "\x00" + orderHash) }

// SealReply seals a secret to the order's reply key (X25519, base64url), bound to the order's hash. The result is
// base64url of the 32-byte encapsulation and the ciphertext.
func SealReply(secret []byte, replyKey, orderHash string) (string, error) {
	public, err := encoding.DecodeString(replyKey)
	if err != nil {
		return "", fmt.Errorf("cannot seal reply: the reply key is not base64url: %w", err)
	}
	key, err := hpke.DHKEM(ecdh.X25519()).NewPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("cannot seal reply: %w", err)
	}
	box, err := hpke.Seal(key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), replyContext(orderHash), secret)
	if err != nil {
		return "", fmt.Errorf("cannot seal reply: %w", err)
	}
	return encoding.EncodeToString(box), nil
}

// OpenReply opens what SealReply sealed.
func OpenReply(sealed string, reply *ecdh.PrivateKey, orderHash string) ([]byte, error) {
	wrong := errors.New("cannot open the reply: it was not sealed to this key for this order")
	box, err := encoding.DecodeString(sealed)
	if err != nil || len(box) > MaxSealed {
		return nil, wrong
	}
	key, err := hpke.NewDHKEMPrivateKey(reply)
	if err != nil {
		return nil, wrong
	}
	secret, err := hpke.Open(key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), replyContext(orderHash), box)
	if err != nil {
		return nil, wrong
	}
	return secret, nil
}
