package billing

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Offer is the signed price list. Anybody may read it; VerifyOffer makes one that can be ordered from.
type Offer struct {
	header
	Network string `json:"network"`
	// Chain is what the network's nodes call the chain that payments are seen on; a payment on another is seen by nobody.
	Chain     string         `json:"chain,omitempty"`
	Address   string         `json:"address"`
	Products  []OfferProduct `json:"products"`
	Keys      []OfferKey     `json:"keys"`
	Endpoints Endpoints      `json:"endpoints"`
	// Fee is what the network takes for one payment beside the price.
	Fee Money `json:"fee"`
	// ReferenceKind says what will tie a payment to its order, so that a buyer knows what he will be asked for; empty is
	// ReferenceTag. With ReferenceAmount an invoice asks for 1 to MaxRemainder base units above the price.
	ReferenceKind ReferenceKind `json:"reference_kind,omitempty"`

	Terms string `json:"terms"`
	// TS is when the offer was signed.
	TS Stamp `json:"ts"`

	hash string // of the canonical document, set by VerifyOffer
}

// OfferProduct is one thing for sale.
type OfferProduct struct {
	ID     string   `json:"id"`
	Topics []string `json:"topics"`
	// Price of one period.
	Price Money `json:"price"`
	// PeriodS is the length of a period in seconds.
	PeriodS        int64 `json:"period_s"`
	MinPeriods     int64 `json:"min_periods"`
	RateHz         int64 `json:"rate_hz"`
	MeterRefreshMS int64 `json:"meter_refresh_ms"`
}

// OfferKey is a public key that orders are sealed to.
type OfferKey struct {
	// KID is the lower-case hex of the first 8 bytes of the SHA-256 of the public key.
	KID string `json:"kid"`
	// Public is the X25519 public key, base64url.
	Public string `json:"public"`
	// NotAfter is the last moment at which an order sealed to it can be opened.
	NotAfter Stamp `json:"not_after"`
}

// VerifyOffer reads an offer that the gateway with this fingerprint signed. Hostile bytes are an error, never a panic.
func VerifyOffer(raw []byte, fingerprint string) (Offer, error) {
	var o Offer
	canonical, err := open(kindOffer, raw, fingerprint, &o)
	if err != nil {
		return Offer{}, err
	}
	o.hash = hashOf(canonical)
	return o, nil
}

// Hash is the lower-case hex SHA-256 of the canonical offer with its signature: what an order refers to.
func (o Offer) Hash() string { return o.hash }

// Product finds a product by its id.
func (o Offer) Product(id string) (OfferProduct, error) {
	for _, p := range o.Products {
		if p.ID == id {
			return p, nil
		}
	}
	return OfferProduct{}, fmt.Errorf("cannot order %.40q: the offer does not contain it", id)
}

// Cost is the price of a number of periods of a product.
func (p OfferProduct) Cost(periods int64) (Units, error) {
	amount, err := p.Price.Units()
	if err != nil {
		return 0, err
	}
	if periods < p.MinPeriods || periods < 1 {
		return 0, fmt.Errorf("cannot order %d periods: at least %d are sold at once", periods, max(p.MinPeriods, 1))
	}
	return Price{Amount: amount, Period: p.PeriodS}.Cost(periods)
}

// hashOf is the lower-case hex SHA-256 of bytes.
func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// States of an order as invoices and receipts tell them.
const (
	StateOpen     = "open"      // nothing has been paid
	StatePartPaid = "part-paid" // some of the price has been paid
	StateLapsed   = "lapsed"    // the time to pay is over
	StateSettled  = "settled"   // paid; access follows once the broker has proven it
	StateActive   = "active"    // access is proven
	StateEnded    = "ended"     // the time is over or access was revoked
)

// Invoice tells what to pay, where and until when; and later how far the payment has come.
type Invoice struct {
	header
	// Order is the id the buyer chose, Hash the lower-case hex SHA-256 of the sealed order.
	Order   string `json:"order"`
	Hash    string `json:"hash"`
	Network string `json:"network"`
	Address string `json:"address"`
	Amount  Money  `json:"amount"`
	// ReferenceKind says what ties the payment to the order; empty is ReferenceTag.
	ReferenceKind ReferenceKind `json:"reference_kind,omitempty"`
	// Reference is, by its kind: the tag that must be attached to the payment; the amount in base units, to be paid to the
	// last of them and in one payment; the address.
	Reference string `json:"reference"`
	Expires   Stamp  `json:"expires"`
	// State is open, part-paid or lapsed.
	State string `json:"state"`
	Paid  Money  `json:"paid"`
}

// VerifyInvoice reads an invoice of the gateway with this fingerprint; CheckInvoice then holds it against the order.
func VerifyInvoice(raw []byte, fingerprint string) (Invoice, error) {
	var v Invoice
	_, err := open(kindInvoice, raw, fingerprint, &v)
	if err != nil {
		return Invoice{}, err
	}
	return v, nil
}

// CheckInvoice reports whether the invoice asks for exactly what the buyer ordered from this offer; where the offer says
// that amounts are references, for at most MaxRemainder base units more.
func CheckInvoice(v Invoice, sealed []byte, o Order, offer Offer) error {
	product, err := offer.Product(o.Product)
	if err != nil {
		return err
	}
	want, err := product.Cost(o.Periods)
	if err != nil {
		return err
	}
	got, err := v.Amount.Units()
	switch {
	case err != nil:
		return err
	case v.Hash != OrderHash(sealed) || v.Order != o.ID:
		return errors.New("cannot accept the invoice: it is for another order")
	case v.Network != offer.Network || v.Amount.Decimals != product.Price.Decimals:
		return fmt.Errorf("cannot accept the invoice: it asks for money on %.40q, the offer for %.40q", v.Network, offer.Network)
	}
	least, most := want, want
	switch v.ReferenceKind {
	case "", ReferenceTag:
	case ReferenceAmount:
		if offer.ReferenceKind != ReferenceAmount || v.Reference != v.Amount.Base {
			return errors.New("cannot accept the invoice: its amount is the reference, but the offer does not say so or they differ")
		}
		least, most = want+1, want+MaxRemainder
	case ReferenceAddress:
		if v.Reference != v.Address {
			return errors.New("cannot accept the invoice: its address is the reference, but they differ")
		}
	default:
		return fmt.Errorf("cannot accept the invoice: its reference is of the unknown kind %.40q (a newer gateway? update wattgate)", v.ReferenceKind)
	}
	if got < least || got > most {
		return fmt.Errorf("cannot accept the invoice: it asks for %s, the offer for %s", v.Amount.Amount, want.Decimal(product.Price.Decimals))
	}
	return nil
}

// Receipt tells what an order has brought.
type Receipt struct {
	header
	Order string `json:"order"`
	Hash  string `json:"hash"`
	// State is settled, active or ended.
	State    string `json:"state"`
	Username string `json:"username"`
	// SealedPassword is a generated password for OpenReply; empty when the buyer chose it or the account keeps the one
	// it has.
	SealedPassword string `json:"sealed_password,omitempty"`
	// Seconds is the time this order has bought.
	Seconds int64 `json:"seconds"`
	// Start and End are those of the whole grant, which other orders may have extended.
	Start  Stamp    `json:"start,omitzero"`
	End    Stamp    `json:"end,omitzero"`
	Topics []string `json:"topics"`
	Paid   Money    `json:"paid"`
}

// VerifyReceipt reads a receipt of the gateway with this fingerprint.
func VerifyReceipt(raw []byte, fingerprint string) (Receipt, error) {
	var r Receipt
	_, err := open(kindReceipt, raw, fingerprint, &r)
	if err != nil {
		return Receipt{}, err
	}
	return r, nil
}
