package billing

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"
	"testing/cryptotest"
)

const vectorFile = "testdata/vectors.json"

// vectors are what a client in another language is checked against. Signatures are deterministic and can be compared;
// sealing is not, so what is sealed can only be opened. Keys are hex, documents are their canonical text.
type vectors struct {
	About            string `json:"about"`
	GatewaySeed      string `json:"gateway_seed"`
	GatewayPublic    string `json:"gateway_public"`
	Fingerprint      string `json:"fingerprint"`
	BuyerSeed        string `json:"buyer_seed"`
	SealPrivate      string `json:"seal_private"`
	SealPublic       string `json:"seal_public"`
	KID              string `json:"kid"`
	ReplyPrivate     string `json:"reply_private"`
	Offer            string `json:"offer"`
	OfferHash        string `json:"offer_hash"`
	OrderSignedBytes string `json:"order_signed_bytes"`
	Order            string `json:"order"`
	OrderInfo        string `json:"order_info"`
	SealedOrder      string `json:"sealed_order"`
	OrderHash        string `json:"order_hash"`
	Reference        string `json:"reference"`
	Invoice          string `json:"invoice"`
	Password         string `json:"password"`
	ReplyInfo        string `json:"reply_info"`
	SealedPassword   string `json:"sealed_password"`
	Receipt          string `json:"receipt"`
	ReceiptOfAnother string `json:"receipt_with_wrong_signature"`

	SealedOrderSteps hpkeSteps `json:"sealed_order_steps"`
	// What a Stardust payment carries that brings its order along, and the tag of others for the same order.
	Metadata      string `json:"metadata"`
	MetadataOrder string `json:"metadata_order"`
	MetadataTag   string `json:"metadata_tag"`
	// Rebased: an offer by amounts, and the two kinds of invoice that it leads to for sealed_order.
	OfferByAmount    string `json:"offer_by_amount"`
	InvoiceByAmount  string `json:"invoice_by_amount"`
	InvoiceByAddress string `json:"invoice_by_address"`
	Claim            Claim  `json:"claim"`
	ClaimMessage     string `json:"claim_message"`
}

// hpkeSteps are the values between the keys and the plaintext of sealed_order, in hex, for who writes HPKE by hand.
type hpkeSteps struct {
	Enc          string `json:"enc"`
	DH           string `json:"dh"`
	SharedSecret string `json:"shared_secret"`
	Key          string `json:"key"`
	Nonce        string `json:"nonce"`
}

func counted(from byte) []byte {
	b := make([]byte, 32)
	for i := range b {
		b[i] = from + byte(i)
	}
	return b
}

func ecdhKey(t *testing.T, raw []byte) *ecdh.PrivateKey {
	t.Helper()
	k, err := ecdh.X25519().NewPrivateKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// makeVectors builds all of them from fixed keys; randomness comes from a fixed seed, so that a new run differs only
// where the format does.
func makeVectors(t *testing.T) vectors {
	t.Helper()
	cryptotest.SetGlobalRandom(t, 1)
	must := func(raw []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	id := &Identity{key: ed25519.NewKeyFromSeed(counted(0x01))}
	buyer := ed25519.NewKeyFromSeed(counted(0x21))
	seal, reply := ecdhKey(t, counted(0x41)), ecdhKey(t, counted(0x61))
	public := seal.PublicKey().Bytes()
	kid := hex.EncodeToString(keyID(public))
	v := vectors{
		About:       "Test vectors of wattgate's documents, version 1. Keys and sealed bytes are hex; sealed_password is base64url as in the receipt.",
		GatewaySeed: hex.EncodeToString(counted(0x01)), GatewayPublic: hex.EncodeToString(id.Public()), Fingerprint: id.Fingerprint(),
		BuyerSeed: hex.EncodeToString(counted(0x21)), SealPrivate: hex.EncodeToString(seal.Bytes()), SealPublic: hex.EncodeToString(public),
		KID: kid, ReplyPrivate: hex.EncodeToString(reply.Bytes()), Password: "abcdefghijklmnopqrstuvwxyz",
	}
	v.Offer = string(must(id.SignOffer(offerFrom(testTerms(), sealKey{kid: kid, public: public, destroy: ms(t0.Add(sealKeyLife))}, t0))))
	offer, err := VerifyOffer([]byte(v.Offer), v.Fingerprint)
	must(nil, err)
	v.OfferHash = offer.Hash()
	order := Order{
		ID: encoding.EncodeToString(counted(0x81)[:16]), Product: "live", Periods: 2, Username: "alice", ReplyKey: PublicText(reply),
		ReplyTo: "abcdefghijklmnopqrstuvwx", NotAfter: Stamp{t0.Add(openFor)},
	}
	sealed := must(SealOrder(order, offer, buyer))
	plain := must(openPlain(sealed, id.Public(), seal.Bytes()))
	message, _, err := signedBytes(kindOrder, "buyer_signature", plain)
	must(nil, err)
	v.Order, v.OrderSignedBytes, v.SealedOrder, v.OrderHash = string(plain), string(message), hex.EncodeToString(sealed), OrderHash(sealed)
	v.OrderInfo = hex.EncodeToString(orderContext(id.Public(), keyID(public)))
	v.ReplyInfo = hex.EncodeToString(replyContext(v.OrderHash))
	v.Reference = referenceOf(v.OrderHash)
	row := orderRow{
		hash: v.OrderHash, orderID: order.ID, network: SandboxNetwork, address: testTerms().Network.Address, reference: v.Reference, amount: 1000,
		state: StateOpen, decimals: 6, expires: ms(t0.Add(openFor)), username: "alice", topics: `["sensor/live","sensor/live/w"]`, announced: true,
	}
	v.Invoice = string(must(id.SignInvoice(row.invoice(t0))))
	v.SealedPassword, err = SealReply([]byte(v.Password), order.ReplyKey, v.OrderHash)
	must(nil, err)
	row.paid, row.seconds, row.sealedPassword = 1000, 7200, v.SealedPassword
	receipt, err := row.receipt(grantRow{state: GrantActive, start: ms(t0), end: ms(t0) + 7_200_000}, t0)
	must(nil, err)
	v.Receipt = string(must(id.SignReceipt(receipt)))
	addToVectors(t, &v, id, offer, row, order, seal)
	v.ReceiptOfAnother = string(bytes.Replace([]byte(v.Receipt), []byte(`"seconds":7200`), []byte(`"seconds":7201`), 1))
	return v
}

// addToVectors are those of real ledgers.
func addToVectors(t *testing.T, v *vectors, id *Identity, offer Offer, row orderRow, order Order, seal *ecdh.PrivateKey) {
	t.Helper()
	must := func(raw []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	sealed := must(hex.DecodeString(v.SealedOrder))
	v.SealedOrderSteps = hpkeByHand(t, seal, sealed[1+kidSize:], must(hex.DecodeString(v.OrderInfo)))
	order.ReplyTo, order.Password = "", "correct horse battery"
	metadata := must(SealOrder(order, offer, ed25519.NewKeyFromSeed(counted(0x21))))
	v.Metadata, v.MetadataTag = hex.EncodeToString(metadata), referenceOf(OrderHash(metadata))
	v.MetadataOrder = string(must(openPlain(metadata, id.Public(), seal.Bytes())))
	terms := testTerms()
	terms.Network = Network{Name: "rebased", Address: "0x" + hex.EncodeToString(counted(0xc1)), Decimals: 9, Reference: ReferenceAmount}
	terms.Price.Amount, terms.Fee = 500_000, 2_000_000
	public := seal.PublicKey().Bytes()
	v.OfferByAmount = string(must(id.SignOffer(offerFrom(terms, sealKey{kid: v.KID, public: public, destroy: ms(t0.Add(sealKeyLife))}, t0))))
	row.network, row.address, row.decimals, row.kind, row.amount = "rebased", terms.Network.Address, 9, ReferenceAmount, 1_000_000+31_337
	row.paid, row.grantID = 0, 0
	v.InvoiceByAmount = string(must(id.SignInvoice(row.invoice(t0))))
	row.kind, row.address, row.amount = ReferenceAddress, "0x"+hex.EncodeToString(counted(0xa1)), 1_000_000
	v.InvoiceByAddress = string(must(id.SignInvoice(row.invoice(t0))))
	v.Claim = Claim{Network: "rebased", Payment: "6sAqxV1pGVe2cCnCPrDD2mVwMXTGk2vWJ5sHkBDwr4qf", Order: v.OrderHash}
	v.ClaimMessage = string(ClaimMessage(id.Fingerprint(), v.Claim))
}

// hpkeByHand opens a box as RFC 9180 says in words, without the library, and tells what comes between.
func hpkeByHand(t *testing.T, private *ecdh.PrivateKey, box, info []byte) hpkeSteps {
	t.Helper()
	enc, public := box[:encSize], private.PublicKey().Bytes()
	extract := func(suite string, salt []byte, label string, secret []byte) []byte {
		out, err := hkdf.Extract(sha256.New, slices.Concat([]byte("HPKE-v1"+suite+label), secret), salt)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	expand := func(suite string, prk []byte, label string, info []byte, n int) []byte {
		out, err := hkdf.Expand(sha256.New, prk, "\x00"+string(rune(n))+"HPKE-v1"+suite+label+string(info), n)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	peer, err := ecdh.X25519().NewPublicKey(enc)
	if err != nil {
		t.Fatal(err)
	}
	dh, err := private.ECDH(peer)
	if err != nil {
		t.Fatal(err)
	}
	const kem, suite = "KEM\x00\x20", "HPKE\x00\x20\x00\x01\x00\x03"
	shared := expand(kem, extract(kem, nil, "eae_prk", dh), "shared_secret", slices.Concat(enc, public), 32)
	schedule := slices.Concat([]byte{0}, extract(suite, nil, "psk_id_hash", nil), extract(suite, nil, "info_hash", info))
	secret := extract(suite, shared, "secret", nil)
	key, nonce := expand(suite, secret, "key", schedule, 32), expand(suite, secret, "base_nonce", schedule, 12)
	return hpkeSteps{hex.EncodeToString(enc), hex.EncodeToString(dh), hex.EncodeToString(shared), hex.EncodeToString(key), hex.EncodeToString(nonce)}
}

var writeVectors = flag.Bool("write-vectors", false, "write "+vectorFile+" anew")

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	if *writeVectors {
		raw, err := json.MarshalIndent(makeVectors(t), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVectors(t *testing.T) {
	v := readVectors(t)
	unhex := func(s string) []byte {
		t.Helper()
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	compareVectors(t, makeVectors(t), v)
	sealed := unhex(v.SealedOrder)
	order, err := openOrder(sealed, unhex(v.GatewayPublic), unhex(v.SealPrivate))
	if err != nil || order.Username != "alice" || order.Periods != 2 {
		t.Errorf("the sealed order opens to %+v, %v", order, err)
	}
	if OrderHash(sealed) != v.OrderHash || referenceOf(v.OrderHash) != v.Reference || hex.EncodeToString(replyContext(v.OrderHash)) != v.ReplyInfo {
		t.Error("order hash, reference or reply info differ")
	}
	password, err := OpenReply(v.SealedPassword, ecdhKey(t, unhex(v.ReplyPrivate)), v.OrderHash)
	if err != nil || string(password) != v.Password {
		t.Errorf("the password opens to %q, %v", password, err)
	}
	offer, err := VerifyOffer([]byte(v.Offer), v.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	if invoice, err := VerifyInvoice([]byte(v.Invoice), v.Fingerprint); err != nil {
		t.Error(err)
	} else if err := CheckInvoice(invoice, sealed, order, offer); err != nil {
		t.Error(err)
	}
	checkLedgerVectors(t, v, sealed, order)
	if r, err := VerifyReceipt([]byte(v.Receipt), v.Fingerprint); err != nil || r.State != StateActive || r.SealedPassword != v.SealedPassword {
		t.Errorf("receipt %+v, %v", r, err)
	}
	if _, err := VerifyReceipt([]byte(v.ReceiptOfAnother), v.Fingerprint); err == nil {
		t.Error("a receipt with a wrong signature was accepted")
	}
}

// checkLedgerVectors checks those of real ledgers.
func checkLedgerVectors(t *testing.T, v vectors, sealed []byte, order Order) {
	t.Helper()
	metadata, _ := hex.DecodeString(v.Metadata)
	gateway, _ := hex.DecodeString(v.GatewayPublic)
	private, _ := hex.DecodeString(v.SealPrivate)
	carried, err := openOrder(metadata, gateway, private)
	if err != nil || carried.Password != "correct horse battery" || carried.ReplyTo != "" || referenceOf(OrderHash(metadata)) != v.MetadataTag {
		t.Errorf("the metadata opens to %+v, %v", carried, err)
	}
	offer, err := VerifyOffer([]byte(v.OfferByAmount), v.Fingerprint)
	if err != nil || offer.ReferenceKind != ReferenceAmount {
		t.Fatal(offer, err)
	}
	for _, raw := range []string{v.InvoiceByAmount, v.InvoiceByAddress} {
		invoice, err := VerifyInvoice([]byte(raw), v.Fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckInvoice(invoice, sealed, order, offer); err != nil {
			t.Error(err)
		}
	}
	info, _ := hex.DecodeString(v.OrderInfo)
	if steps := hpkeByHand(t, ecdhKey(t, private), sealed[1+kidSize:], info); steps != v.SealedOrderSteps {
		t.Errorf("HPKE by hand: %+v, in the vectors %+v", steps, v.SealedOrderSteps)
	}
	if string(ClaimMessage(v.Fingerprint, v.Claim)) != v.ClaimMessage {
		t.Errorf("the message of the claim is\n%s", ClaimMessage(v.Fingerprint, v.Claim))
	}
}

// compareVectors compares what is deterministic.
func compareVectors(t *testing.T, want, v vectors) {
	t.Helper()
	for name, pair := range map[string][2]string{
		"fingerprint": {want.Fingerprint, v.Fingerprint}, "kid": {want.KID, v.KID}, "offer": {want.Offer, v.Offer}, "offer hash": {want.OfferHash, v.OfferHash},
		"offer by amount": {want.OfferByAmount, v.OfferByAmount}, "order": {want.Order, v.Order}, "order's signed bytes": {want.OrderSignedBytes, v.OrderSignedBytes}, "order info": {want.OrderInfo, v.OrderInfo},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: now\n%s\nin the vectors\n%s", name, pair[0], pair[1])
		}
	}
}
