package billing

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gowebpki/jcs"
)

// Kinds of signed documents. The kind and version stand in the signed bytes, so no document passes for another.
const (
	kindOffer   = "offer"
	kindOrder   = "order"
	kindInvoice = "invoice"
	kindReceipt = "receipt"
)

const (
	// maxDocument bounds what is parsed, in bytes: an offer with all its texts at their bounds is about 14 KiB.
	maxDocument = 32 << 10
	// maxDepth is the deepest nesting that any document has: products[].price.amount.
	maxDepth = 6
	// maxSafeInteger is the largest integer that every JSON implementation reads exactly (RFC 8259 section 6).
	maxSafeInteger = 1<<53 - 1
)

// encoding is used for every key, signature and sealed text: base64url without padding, and nothing but its canonical
// form is read.
var encoding = base64.RawURLEncoding.Strict()

// Money is an amount in a document: as people read it, in base units, and how the two relate.
type Money struct {
	Amount   string `json:"amount"`
	Base     string `json:"base"`
	Decimals int    `json:"decimals"`
}

func moneyOf(u Units, decimals int) Money {
	return Money{Amount: u.Decimal(decimals), Base: u.Decimal(0), Decimals: decimals}
}

// Units is the amount in base units; the two ways of writing it must agree.
func (m Money) Units() (Units, error) {
	base, err := ParseUnits(m.Base, 0)
	if err != nil {
		return 0, err
	}
	amount, err := ParseUnits(m.Amount, m.Decimals)
	if err != nil {
		return 0, err
	}
	if amount != base {
		return 0, fmt.Errorf("cannot use amount %s: it is not %s base units with %d decimals", m.Amount, m.Base, m.Decimals)
	}
	return base, nil
}

// Stamp is a time in a document: UTC with exactly three decimals of a second.
type Stamp struct{ time.Time }

const stampLayout = "2006-01-02T15:04:05.000Z"

// MarshalJSON implements json.Marshaler.
func (s Stamp) MarshalJSON() ([]byte, error) {
	return json.Marshal(s.UTC().Format(stampLayout))
}

// UnmarshalJSON implements json.Unmarshaler; it accepts the one form that MarshalJSON writes.
func (s *Stamp) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	t, err := time.Parse(stampLayout, text)
	if err != nil || t.Format(stampLayout) != text {
		return fmt.Errorf("cannot read time %.40q: it must look like %s", text, stampLayout)
	}
	s.Time = t
	return nil
}

// Fingerprint is the lower-case hex SHA-256 of a 32-byte public key: what buyers pin.
func Fingerprint(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:])
}

// signedBytes is what is signed: the kind and the RFC 8785 form of the object without the member that holds the
// signature. canonical is the form with it.
func signedBytes(kind, member string, raw []byte) (message, canonical []byte, err error) {
	if err := strictJSON(raw); err != nil {
		return nil, nil, err
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, nil, fmt.Errorf("cannot read document: %w", err)
	}
	if canonical, err = jcs.Transform(raw); err != nil {
		return nil, nil, fmt.Errorf("cannot read document: %w", err)
	}
	delete(object, member)
	bare, err := json.Marshal(object)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read document: %w", err)
	}
	if bare, err = jcs.Transform(bare); err != nil {
		return nil, nil, fmt.Errorf("cannot read document: %w", err)
	}
	return append([]byte("wattgate/"+kind+"/v1\n"), bare...), canonical, nil
}

// verify reads a document that key must have signed in the given member.
func verify(kind, member string, raw []byte, key ed25519.PublicKey, signature string) (canonical []byte, err error) {
	message, canonical, err := signedBytes(kind, member, raw)
	if err != nil {
		return nil, err
	}
	sig, err := encoding.DecodeString(signature)
	if err != nil || len(sig) != ed25519.SignatureSize || len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, message, sig) {
		return nil, fmt.Errorf("cannot trust this %s: its signature is wrong", kind)
	}
	return canonical, nil
}

// header is what every document of the gateway begins with.
type header struct {
	V         int    `json:"v"`
	Schema    string `json:"schema"`
	Gateway   string `json:"gateway"`
	Signature string `json:"signature"`
}

// open verifies a document of the gateway with the given fingerprint and decodes it into doc.
func open(kind string, raw []byte, fingerprint string, doc any) (canonical []byte, err error) {
	if err := strictJSON(raw); err != nil {
		return nil, err
	}
	var h header
	if err := json.Unmarshal(raw, &h); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", kind, err)
	}
	if schema := "wattgate/" + kind + "/v1"; h.V != 1 || h.Schema != schema {
		return nil, fmt.Errorf("cannot read this %s: it is not %s (a newer gateway? update wattgate)", kind, schema)
	}
	key, err := encoding.DecodeString(h.Gateway)
	if err != nil || len(key) != ed25519.PublicKeySize || Fingerprint(key) != strings.ToLower(fingerprint) {
		return nil, fmt.Errorf("cannot trust this %s: it is not from the gateway with fingerprint %.64q (compare it with what the seller told you)", kind, fingerprint)
	}
	if canonical, err = verify(kind, "signature", raw, key, h.Signature); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, doc); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", kind, err)
	}
	return canonical, nil
}

// strictJSON accepts one object in UTF-8 within the bounds, without duplicate or odd keys, with no numbers but
// integers from 0 to 2^53-1. What it accepts, every JSON implementation reads alike.
func strictJSON(raw []byte) error {
	if len(raw) > maxDocument {
		return fmt.Errorf("cannot read document: it exceeds %d bytes", maxDocument)
	}
	if !utf8.Valid(raw) || !bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{")) {
		return errors.New("cannot read document: it is not a JSON object in UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := strictValue(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("cannot read document: something follows the object")
	}
	return nil
}

func strictValue(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return fmt.Errorf("cannot read document: %w", err)
	}
	switch t := token.(type) {
	case json.Number:
		if n, err := ParseUnits(t.String(), 0); err != nil || n > maxSafeInteger || n.Decimal(0) != t.String() {
			return fmt.Errorf("cannot read document: number %.30q is not an integer from 0 to 2^53-1", t.String())
		}
	case json.Delim:
		if depth++; depth > maxDepth {
			return errors.New("cannot read document: it is nested too deeply")
		}
		return strictMembers(d, t, depth)
	}
	return nil
}

func strictMembers(d *json.Decoder, open json.Delim, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			token, err := d.Token()
			if err != nil {
				return fmt.Errorf("cannot read document: %w", err)
			}
			// Lower case only: encoding/json would let "Amount" stand in for "amount".
			key, _ := token.(string)
			if key == "" || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || seen[key] {
				return fmt.Errorf("cannot read document: key %.30q is odd or there twice", key)
			}
			seen[key] = true
		}
		if err := strictValue(d, depth); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("cannot read document: %w", err)
	}
	return nil
}
