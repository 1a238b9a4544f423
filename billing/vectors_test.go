package billing

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
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
	v.ReceiptOfAnother = string(bytes.Replace([]byte(v.Receipt), []byte(`"seconds":7200`), []byte(`"seconds":7201`), 1))
	return v
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
	if r, err := VerifyReceipt([]byte(v.Receipt), v.Fingerprint); err != nil || r.State != StateActive || r.SealedPassword != v.SealedPassword {
		t.Errorf("receipt %+v, %v", r, err)
	}
	if _, err := VerifyReceipt([]byte(v.ReceiptOfAnother), v.Fingerprint); err == nil {
		t.Error("a receipt with a wrong signature was accepted")
	}
}

// compareVectors compares what is deterministic.
func compareVectors(t *testing.T, want, v vectors) {
	t.Helper()
	for name, pair := range map[string][2]string{
		"fingerprint": {want.Fingerprint, v.Fingerprint}, "kid": {want.KID, v.KID}, "offer": {want.Offer, v.Offer}, "offer hash": {want.OfferHash, v.OfferHash},
		"order": {want.Order, v.Order}, "order's signed bytes": {want.OrderSignedBytes, v.OrderSignedBytes}, "order info": {want.OrderInfo, v.OrderInfo},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: now\n%s\nin the vectors\n%s", name, pair[0], pair[1])
		}
	}
}
