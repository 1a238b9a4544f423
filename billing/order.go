package billing

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Order is what a buyer asks for. It travels sealed; the gateway alone reads it.
type Order struct {
	V int `json:"v"`
	// ID is 16 random bytes, base64url; NewOrderID makes one. A buyer key uses each once.
	ID string `json:"order"`
	// OfferHash names the offer it was made from; SealOrder fills it in.
	OfferHash string `json:"offer_hash"`
	Product   string `json:"product"`
	Periods   int64  `json:"periods"`
	// Username the buyer wants; empty: the gateway makes one up.
	Username string `json:"username,omitempty"`
	// Password the buyer chose, 12 to 64 printable ASCII characters; empty: an account of this buyer keeps its own, a
	// new one gets a generated password, sealed to ReplyKey.
	Password string `json:"password,omitempty"`
	// BuyerKey is the Ed25519 key that names are bound to, base64url; SealOrder fills it in.
	BuyerKey string `json:"buyer_key"`
	// ReplyKey is the X25519 public key of NewReplyKey, base64url.
	ReplyKey string `json:"reply_key"`
	// ReplyTo is the MQTT client id that is answered: random, 22 to 64 of A-Z a-z 0-9 _ -.
	ReplyTo string `json:"reply_to,omitempty"`
	// RefundAddress is where the owner may send money back to, by hand.
	RefundAddress string `json:"refund_address,omitempty"`
	// NotAfter is the last moment at which the order may be placed.
	NotAfter Stamp `json:"not_after"`
	// Signature is the buyer's, made by SealOrder.
	Signature string `json:"buyer_signature,omitempty"`
}

// Bounds of an order's fields.
const (
	orderIDSize = 16
	maxAddress  = 128
	maxPeriods  = 1 << 40 // the product with any price is still checked for overflow
)

// NewOrderID makes a random order id.
func NewOrderID() string {
	id := make([]byte, orderIDSize)
	rand.Read(id) // never fails
	return encoding.EncodeToString(id)
}

// PublicText is how a key stands in a document.
func PublicText(key *ecdh.PrivateKey) string { return encoding.EncodeToString(key.PublicKey().Bytes()) }

// SealOrder completes the order (version, offer, buyer key), signs it with the buyer's key and seals it to the first
// key of a verified offer. Each call gives other bytes; keep them: the same bytes sent again ask for the same order.
func SealOrder(o Order, offer Offer, buyer ed25519.PrivateKey) ([]byte, error) {
	if offer.Hash() == "" || len(offer.Keys) == 0 {
		return nil, errors.New("cannot seal order: the offer was not verified or has no key")
	}
	if len(buyer) != ed25519.PrivateKeySize {
		return nil, errors.New("cannot seal order: the buyer's key is no Ed25519 key")
	}
	o.V, o.OfferHash, o.Signature = 1, offer.Hash(), ""
	o.BuyerKey = encoding.EncodeToString(buyer.Public().(ed25519.PublicKey))
	if err := o.check(); err != nil {
		return nil, err
	}
	plain, err := sign(buyer, kindOrder, "buyer_signature", o)
	if err != nil {
		return nil, err
	}
	gateway, err := encoding.DecodeString(offer.Gateway)
	if err != nil {
		return nil, fmt.Errorf("cannot seal order: %w", err)
	}
	public, err := encoding.DecodeString(offer.Keys[0].Public)
	if err != nil {
		return nil, fmt.Errorf("cannot seal order: %w", err)
	}
	return sealPlain(plain, gateway, public)
}

// openOrder opens, reads and verifies a sealed order; whoever sealed it holds the buyer key it names.
func openOrder(sealed []byte, gateway ed25519.PublicKey, private []byte) (Order, error) {
	unreadable := refuse(CodeUnreadable, "cannot read the sealed order", "seal it to a key of the present offer, as the documentation of orders says")
	plain, err := openPlain(sealed, gateway, private)
	if err != nil {
		return Order{}, unreadable
	}
	var o Order
	if strictJSON(plain) != nil || json.Unmarshal(plain, &o) != nil {
		return Order{}, unreadable
	}
	key, err := encoding.DecodeString(o.BuyerKey)
	if err != nil {
		return Order{}, unreadable
	}
	if _, err := verify(kindOrder, "buyer_signature", plain, key, o.Signature); err != nil {
		return Order{}, unreadable
	}
	if replyTo(o.ReplyTo) != nil {
		return Order{}, replyTo(o.ReplyTo)
	}
	if err := o.check(); err != nil {
		return Order{}, withReply(err, o.ReplyTo)
	}
	return o, nil
}

// withReply says where the refusal of an order is to be told.
func withReply(err error, client string) error {
	if r, ok := errors.AsType[*Refusal](err); ok {
		r.ReplyTo = client
	}
	return err
}

func replyTo(client string) error {
	if client == "" {
		return nil
	}
	if len(client) < 22 || len(client) > 64 || strings.Trim(client, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		return refuse(CodeInvalid, "cannot answer to this reply_to", "use a random client id, 22 to 64 of A-Z a-z 0-9 _ -")
	}
	return nil
}

// check reports the first field that is not as it must be.
func (o Order) check() error {
	id, err := encoding.DecodeString(o.ID)
	if err != nil || len(id) != orderIDSize {
		return refuse(CodeInvalid, "cannot use the order id", "use 16 random bytes in base64url")
	}
	if key, err := encoding.DecodeString(o.ReplyKey); err != nil || len(key) != encSize {
		return refuse(CodeInvalid, "cannot use the reply key", "use an X25519 public key in base64url")
	}
	if len(o.OfferHash) != 64 || strings.Trim(o.OfferHash, "0123456789abcdef") != "" {
		return refuse(CodeInvalid, "cannot use the offer hash", "use the lower-case hex SHA-256 of the offer")
	}
	switch {
	case o.V != 1:
		return refuse(CodeInvalid, "cannot read this version of an order", "use version 1")
	case !plainName(o.Product, 32):
		return refuse(CodeInvalid, "cannot use the product", "use the id of a product of the offer")
	case o.Periods < 1 || o.Periods > maxPeriods:
		return refuse(CodeInvalid, "cannot use the number of periods", "order at least one period")
	case o.RefundAddress != "" && !printable(o.RefundAddress, 1, maxAddress):
		return refuse(CodeInvalid, "cannot use the refund address", "use at most 128 printable characters")
	case o.NotAfter.IsZero():
		return refuse(CodeInvalid, "cannot use an order without not_after", "say until when it may be placed")
	}
	if o.Username != "" {
		if err := CheckUsername(o.Username); err != nil {
			return err
		}
	}
	if o.Password != "" {
		if err := CheckPassword(o.Password); err != nil {
			return err
		}
	}
	return replyTo(o.ReplyTo)
}
