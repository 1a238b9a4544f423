package billing

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"strings"
	"testing"
)

// testDocuments are one valid document of each kind.
func testDocuments(t testing.TB, id *Identity) (offer, invoice, receipt []byte) {
	t.Helper()
	key := sealKey{kid: "0102030405060708", public: make([]byte, 32), destroy: ms(t0)}
	must := func(raw []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	o := orderRow{hash: hashOf(nil), orderID: "AAAAAAAAAAAAAAAAAAAAAA", network: "sandbox", address: "a", reference: "wg-x", topics: `["sensor/live"]`,
		amount: 500, state: StateOpen, username: "alice", decimals: 6, expires: ms(t0), seconds: 3600}
	r, err := o.receipt(grantRow{state: GrantPending}, t0)
	if err != nil {
		t.Fatal(err)
	}
	return must(id.SignOffer(offerFrom(testTerms(), key, t0))), must(id.SignInvoice(o.invoice(t0))), must(id.SignReceipt(r))
}

func testIdentity(t testing.TB) *Identity {
	t.Helper()
	id, err := LoadIdentity(t.TempDir() + "/identity.key")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestDocumentsVerifyHoweverTheyAreWritten(t *testing.T) {
	id := testIdentity(t)
	raw, _, _ := testDocuments(t, id)
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, raw, "", "\t"); err != nil {
		t.Fatal(err)
	}
	a, err := VerifyOffer(raw, id.Fingerprint())
	if err != nil {
		t.Fatal(err)
	}
	b, err := VerifyOffer(pretty.Bytes(), strings.ToUpper(id.Fingerprint()))
	if err != nil || a.Hash() != b.Hash() || a.Hash() != hashOf(raw) {
		t.Errorf("rewritten: %v, %s and %s", err, a.Hash(), b.Hash())
	}
}

func TestDocumentsOfOthersAreRefused(t *testing.T) {
	id, other := testIdentity(t), testIdentity(t)
	offer, invoice, receipt := testDocuments(t, id)
	check := func(name string, raw []byte, fingerprint string) {
		t.Helper()
		if _, err := VerifyOffer(raw, fingerprint); err == nil {
			t.Errorf("%s was accepted as an offer", name)
		}
	}
	edit := func(old, new string) []byte {
		t.Helper()
		if !bytes.Contains(offer, []byte(old)) {
			t.Fatalf("no %s in %s", old, offer)
		}
		return bytes.Replace(offer, []byte(old), []byte(new), 1)
	}
	check("another gateway's", offer, other.Fingerprint())
	check("an invoice", invoice, id.Fingerprint())
	check("a receipt", receipt, id.Fingerprint())
	check("a changed price", edit(`"base":"500"`, `"base":"501"`), id.Fingerprint())
	check("an added member", edit(`{`, `{"a":"b",`), id.Fingerprint())
	check("a repeated key", edit(`{`, `{"v":1,`), id.Fingerprint())
	check("a key in other case", edit(`{`, `{"Fee":1,`), id.Fingerprint())
	check("a float", edit(`"v":1`, `"v":1.0`), id.Fingerprint())
	check("an exponent", edit(`"v":1`, `"v":1e0`), id.Fingerprint())
	check("a newer version", edit(`"v":1`, `"v":2`), id.Fingerprint())
	check("two documents", append(bytes.Clone(offer), offer...), id.Fingerprint())
	check("too much", append(bytes.Clone(offer), bytes.Repeat([]byte(" "), maxDocument)...), id.Fingerprint())
	check("blanks", []byte("   "), id.Fingerprint())
	check("nothing", nil, id.Fingerprint())
	check("deep nesting", []byte(strings.Repeat(`{"a":`, 10_000)), id.Fingerprint())
	check("invalid UTF-8", edit("Play money.", "Play money\xff"), id.Fingerprint())
	if _, err := VerifyInvoice(receipt, id.Fingerprint()); err == nil {
		t.Error("a receipt was accepted as an invoice")
	}
	if _, err := VerifyReceipt(invoice, id.Fingerprint()); err == nil {
		t.Error("an invoice was accepted as a receipt")
	}
}

func TestLargestOfferFitsADocument(t *testing.T) {
	terms := testTerms()
	terms.Text = strings.Repeat(`"`, maxText)
	terms.Product.Topics = nil
	for range maxTopics {
		terms.Product.Topics = append(terms.Product.Topics, strings.Repeat("t", maxTopic))
	}
	if err := terms.Validate(); err != nil {
		t.Fatal(err)
	}
	if _, err := testIdentity(t).SignOffer(offerFrom(terms, sealKey{}, t0)); err != nil {
		t.Error(err)
	}
}

func TestRepliesOpenForTheirOrderAndKeyOnly(t *testing.T) {
	key, err := NewReplyKey()
	if err != nil {
		t.Fatal(err)
	}
	other, _ := NewReplyKey()
	sealed, err := SealReply([]byte("secret"), PublicText(key), "hash")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenReply(sealed, key, "hash"); err != nil || string(got) != "secret" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := OpenReply(sealed, key, "another"); err == nil {
		t.Error("opened for another order")
	}
	if _, err := OpenReply(sealed, other, "hash"); err == nil {
		t.Error("opened with another key")
	}
	if _, err := OpenReply("!", key, "hash"); err == nil {
		t.Error("opened nonsense")
	}
}

func TestSealedOrdersHideTheirLength(t *testing.T) {
	w := newWorld(t)
	short, long := w.seal(newBuyer(1), Order{}), w.seal(newBuyer(1), Order{Username: "alice", RefundAddress: "0x1"})
	if len(short) != len(long) || (len(short)-sealedHeader-tagSize)%padTo != 0 {
		t.Errorf("%d and %d bytes", len(short), len(long))
	}
	worst := w.seal(newBuyer(1), Order{Username: strings.Repeat("a", 32), Password: strings.Repeat(`"`, 64), ReplyTo: strings.Repeat("r", 64), RefundAddress: strings.Repeat(`"`, maxAddress)})
	if len(worst) > MaxSealed {
		t.Errorf("the largest order has %d bytes", len(worst))
	}
	w.place(worst)
}

func FuzzVerify(f *testing.F) {
	id := testIdentity(f)
	offer, invoice, receipt := testDocuments(f, id)
	for _, seed := range [][]byte{offer, invoice, receipt, []byte(`{"v":1}`), []byte(`{"a":[[[[]]]]}`)} {
		f.Add(seed)
	}
	want, err := VerifyOffer(offer, id.Fingerprint())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if o, err := VerifyOffer(raw, id.Fingerprint()); err == nil && o.Hash() != want.Hash() {
			t.Errorf("a forged offer: %s", raw)
		}
		VerifyInvoice(raw, id.Fingerprint())
		VerifyReceipt(raw, id.Fingerprint())
	})
}

// FuzzOrder feeds hostile plaintext to what reads an order after it was opened: sealing anything is free.
func FuzzOrder(f *testing.F) {
	id := testIdentity(f)
	key, err := NewReplyKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"v":1,"order":"AAAAAAAAAAAAAAAAAAAAAA"}`), false)
	f.Add([]byte{1, 2, 3}, true)
	f.Fuzz(func(t *testing.T, plain []byte, bare bool) {
		sealed := plain
		if !bare {
			var err error
			if sealed, err = sealPlain(plain, id.Public(), key.PublicKey().Bytes()); err != nil {
				return
			}
		}
		if o, err := openOrder(sealed, id.Public(), key.Bytes()); err == nil && o.check() != nil {
			t.Errorf("accepted %+v", o)
		}
	})
}

// The seal alone says nothing about who sealed: a name is safe because the buyer's key signs.
func TestOrderOfAnotherKeyIsRefused(t *testing.T) {
	w := newWorld(t)
	offer := w.offer()
	public, err := encoding.DecodeString(offer.Keys[0].Public)
	w.must(err)
	o := w.order(Order{Username: "alice"})
	o.V, o.OfferHash = 1, offer.Hash()
	o.BuyerKey = encoding.EncodeToString(newBuyer(1).key.Public().(ed25519.PublicKey))
	for signer, ok := range map[byte]bool{1: true, 2: false} {
		plain, err := sign(newBuyer(signer).key, kindOrder, "buyer_signature", o)
		w.must(err)
		sealed, err := sealPlain(plain, w.id.Public(), public)
		w.must(err)
		_, err = w.shop.PlaceOrder(t.Context(), sealed, Origin{Transport: ByMQTT}, w.now)
		if ok {
			w.must(err)
		} else {
			wantCode(t, err, CodeUnreadable)
		}
		o.ID = NewOrderID()
	}
}
