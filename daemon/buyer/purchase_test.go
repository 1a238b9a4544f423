package buyer

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/billing"
)

// gateway signs documents as a real one does.
type gateway struct {
	t        *testing.T
	identity *billing.Identity
	offer    billing.Offer // verified
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	id, err := billing.LoadIdentity(filepath.Join(t.TempDir(), "identity.key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(key.PublicKey().Bytes())
	raw, err := id.SignOffer(billing.Offer{
		Network: billing.SandboxNetwork, Address: "play-money",
		Products: []billing.OfferProduct{{
			ID: "live", Topics: []string{"sensor/live"}, Price: price("0.0005", "500"), PeriodS: 3600, MinPeriods: 2, RateHz: 2,
		}},
		Keys: []billing.OfferKey{{KID: hex.EncodeToString(sum[:8]), Public: billing.PublicText(key), NotAfter: stamp(time.Now().Add(time.Hour))}},
		TS:   stamp(time.Now()),
	})
	if err != nil {
		t.Fatal(err)
	}
	o, err := billing.VerifyOffer(raw, id.Fingerprint())
	if err != nil {
		t.Fatal(err)
	}
	return &gateway{t, id, o}
}

func price(amount, base string) billing.Money {
	return billing.Money{Amount: amount, Base: base, Decimals: 6}
}

func stamp(at time.Time) billing.Stamp {
	return billing.Stamp{Time: at.UTC().Truncate(time.Millisecond)}
}

// invoice asks for the price of the pending order.
func (g *gateway) invoice(p *purchase, change func(*billing.Invoice)) []byte {
	g.t.Helper()
	v := billing.Invoice{
		Order: p.book.Pending.Order, Hash: billing.OrderHash(p.book.Pending.Sealed), Network: billing.SandboxNetwork,
		Address: "play-money", Amount: price("0.001", "1000"), Reference: "ref", Expires: stamp(time.Now().Add(time.Minute)),
		State: billing.StateOpen, Paid: price("0", "0"),
	}
	if change != nil {
		change(&v)
	}
	raw, err := g.identity.SignInvoice(v)
	if err != nil {
		g.t.Fatal(err)
	}
	return raw
}

func (g *gateway) receipt(p *purchase, change func(*billing.Receipt)) []byte {
	g.t.Helper()
	r := billing.Receipt{
		Order: p.book.Pending.Order, Hash: billing.OrderHash(p.book.Pending.Sealed), State: billing.StateActive, Username: "jane",
		Seconds: 7200, Start: stamp(time.Now()), End: stamp(time.Now().Add(2 * time.Hour)), Topics: []string{"sensor/live"}, Paid: price("0.001", "1000"),
	}
	if change != nil {
		change(&r)
	}
	raw, err := g.identity.SignReceipt(r)
	if err != nil {
		g.t.Fatal(err)
	}
	return raw
}

// sealedTo is a password that only the purchase can read.
func (g *gateway) sealedTo(p *purchase, password string) string {
	g.t.Helper()
	key, err := ecdh.X25519().NewPrivateKey(p.book.Pending.ReplyKey)
	if err != nil {
		g.t.Fatal(err)
	}
	sealed, err := billing.SealReply([]byte(password), billing.PublicText(key), billing.OrderHash(p.book.Pending.Sealed))
	if err != nil {
		g.t.Fatal(err)
	}
	return sealed
}

// purse is a wallet that looks, at the moment it pays, at what the disk says.
type purse struct {
	payments int
	onDisk   book
	fails    error
	look     func() (book, error)
}

func (w *purse) Pay(context.Context, billing.Offer, billing.Invoice, billing.Units) (err error) {
	w.payments++
	w.onDisk, err = w.look()
	return errors.Join(err, w.fails)
}

// ordered is a purchase that stands where the order was written down and is about to be sent.
func ordered(t *testing.T, g *gateway) (*purchase, *purse) {
	t.Helper()
	f := home(t)
	w := &purse{look: func() (book, error) { return f.readBook(g.identity.Fingerprint()) }}
	p, err := newPurchase(Options{Target: Target{Broker: "mqtt://gw:1883"}, Wallet: w, Say: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	p.offer, p.fingerprint = g.offer, g.identity.Fingerprint()
	if p.book, err = p.files.readBook(p.fingerprint); err != nil {
		t.Fatal(err)
	}
	if err := p.prepare(&session{clientID: newClientID()}); err != nil {
		t.Fatal(err)
	}
	return p, w
}

// resumed is the same purchase after the program was started again.
func resumed(t *testing.T, old *purchase) *purchase {
	t.Helper()
	p, err := newPurchase(old.Options)
	if err != nil {
		t.Fatal(err)
	}
	p.offer, p.fingerprint = old.offer, old.fingerprint
	if p.book, err = p.files.readBook(p.fingerprint); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOrderIsOnDiskBeforeItIsSent(t *testing.T) {
	p, _ := ordered(t, newGateway(t))
	after := resumed(t, p)
	if after.book.Pending == nil || string(after.book.Pending.Sealed) != string(p.book.Pending.Sealed) || after.book.Pending.Periods != 2 {
		t.Fatalf("%+v, want the order of the least that is sold", after.book.Pending)
	}
	id, err := after.clientID()
	if err != nil || id != p.book.Pending.ReplyTo {
		t.Errorf("answers are awaited at %q (%v), want %q", id, err, p.book.Pending.ReplyTo)
	}
}

func TestOneInvoiceIsPaidOnce(t *testing.T) {
	g := newGateway(t)
	p, w := ordered(t, g)
	raw, told := g.invoice(p, nil), false
	for range 3 {
		if _, done, err := p.take(t.Context(), raw, &told); done || err != nil {
			t.Fatal(done, err)
		}
	}
	if w.payments != 1 {
		t.Errorf("%d payments for one invoice sent three times", w.payments)
	}
	if w.onDisk.Pending == nil || !w.onDisk.Pending.Paid {
		t.Error("when the money went, the disk did not say so: a crash would pay again")
	}
	after, told := resumed(t, p), false
	if _, _, err := after.take(t.Context(), raw, &told); err != nil || w.payments != 1 {
		t.Errorf("after a restart: %d payments (%v)", w.payments, err)
	}
}

// A wallet whose answer got lost may have paid.
func TestPaymentThatFailedIsNotRepeated(t *testing.T) {
	g := newGateway(t)
	p, w := ordered(t, g)
	w.fails = errors.New("connection lost")
	raw, told := g.invoice(p, nil), false
	if _, _, err := p.take(t.Context(), raw, &told); !errors.Is(err, w.fails) {
		t.Errorf("%v", err)
	}
	after, told := resumed(t, p), false
	if _, _, err := after.take(t.Context(), raw, &told); err != nil || w.payments != 1 {
		t.Errorf("%d payments (%v)", w.payments, err)
	}
}

func TestOnlyTheRightInvoiceIsPaid(t *testing.T) {
	g := newGateway(t)
	for name, tt := range map[string]struct {
		raw     func(p *purchase) []byte
		refused string // "": passed over without a word
	}{
		"another gateway's": {raw: func(p *purchase) []byte { return newGateway(t).invoice(p, nil) }},
		"another order's": {raw: func(p *purchase) []byte {
			return g.invoice(p, func(v *billing.Invoice) { v.Hash = strings.Repeat("0", 64) })
		}},
		"changed on the way": {raw: func(p *purchase) []byte {
			return []byte(strings.Replace(string(g.invoice(p, nil)), `"address":"play-money"`, `"address":"thief"`, 1))
		}},
		"unsigned":    {raw: func(*purchase) []byte { return []byte(`{"schema":"wattgate/invoice/v1","v":1}`) }},
		"no document": {raw: func(*purchase) []byte { return []byte("\x00\xff[") }},
		"of no kind":  {raw: func(*purchase) []byte { return []byte(`{"schema":"wattgate/joke/v1"}`) }},
		"dearer than the offer": {refused: "0.002", raw: func(p *purchase) []byte {
			return g.invoice(p, func(v *billing.Invoice) { v.Amount = price("0.002", "2000") })
		}},
		"on another network": {refused: "mainnet", raw: func(p *purchase) []byte {
			return g.invoice(p, func(v *billing.Invoice) { v.Network = "mainnet" })
		}},
		"with two amounts": {refused: "cannot", raw: func(p *purchase) []byte {
			return g.invoice(p, func(v *billing.Invoice) { v.Amount = price("0.001", "1001") })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p, w := ordered(t, g)
			told := false
			_, done, err := p.take(t.Context(), tt.raw(p), &told)
			if done || w.payments != 0 || (err == nil) != (tt.refused == "") || err != nil && !strings.Contains(err.Error(), tt.refused) {
				t.Errorf("done %t, %d payments, error %v, want %q", done, w.payments, err, tt.refused)
			}
			if after := resumed(t, p); after.book.Pending == nil || after.book.Pending.Paid {
				t.Errorf("the pending order became %+v", after.book.Pending)
			}
		})
	}
}

func TestReceiptOpensThePassword(t *testing.T) {
	g := newGateway(t)
	p, _ := ordered(t, g)
	told := false
	settled := g.receipt(p, func(r *billing.Receipt) { r.State = billing.StateSettled })
	if _, done, err := p.take(t.Context(), settled, &told); done || err != nil {
		t.Fatalf("settled is not yet active: %t %v", done, err)
	}
	if _, done, err := p.take(t.Context(), newGateway(t).receipt(p, nil), &told); done || err != nil {
		t.Fatalf("another gateway's receipt: %t %v", done, err)
	}
	const password = "0123456789abcdef0123456789abcdef"
	hash := billing.OrderHash(p.book.Pending.Sealed)
	raw := g.receipt(p, func(r *billing.Receipt) { r.SealedPassword = g.sealedTo(p, password) })
	access, done, err := p.take(t.Context(), raw, &told)
	if !done || err != nil {
		t.Fatal(done, err)
	}
	if access.Username != "jane" || access.Password != password || access.Order != hash || access.Broker != "mqtt://gw:1883" || access.End.Location() != time.UTC {
		t.Errorf("%+v", access)
	}
	after := resumed(t, p)
	if after.book.Pending != nil || after.book.Last != "jane" || after.book.Accounts["jane"] != password {
		t.Errorf("kept: %+v", after.book)
	}

	// A renewal comes without a password: the one that is kept stays good.
	if err := after.prepare(&session{clientID: newClientID()}); err != nil {
		t.Fatal(err)
	}
	if after.book.Pending.Username != "jane" {
		t.Errorf("the renewal is for %q", after.book.Pending.Username)
	}
	access, done, err = after.take(t.Context(), g.receipt(after, nil), &told)
	if !done || err != nil || access.Password != password {
		t.Errorf("renewal: %+v %t %v", access, done, err)
	}
}

func TestReceiptOfAnEndedAccess(t *testing.T) {
	g := newGateway(t)
	p, _ := ordered(t, g)
	told := false
	raw := g.receipt(p, func(r *billing.Receipt) { r.State = billing.StateEnded })
	_, done, err := p.take(t.Context(), raw, &told)
	if _, stopped := errors.AsType[*StoppedError](err); !done || !stopped {
		t.Errorf("%t %v, want a StoppedError", done, err)
	}
	if resumed(t, p).book.Pending != nil {
		t.Error("the order is still pending")
	}
}

func TestLapsedInvoiceIsUnpaid(t *testing.T) {
	g := newGateway(t)
	p, w := ordered(t, g)
	told := false
	raw := g.invoice(p, func(v *billing.Invoice) { v.State = billing.StateLapsed })
	if _, _, err := p.take(t.Context(), raw, &told); !errors.Is(err, errUnpaid) || w.payments != 0 {
		t.Errorf("%v, %d payments", err, w.payments)
	}
}

// A refusal carries no signature: it may end an order that cost nothing, and no other.
func TestRefusalEndsOnlyWhatWasNotPaid(t *testing.T) {
	g := newGateway(t)
	refusal := func(code string) []byte {
		return []byte(`{"error":{"code":"` + code + `","message":"no","fix":"later"}}`)
	}
	p, _ := ordered(t, g)
	told := false
	_, _, err := p.take(t.Context(), refusal("busy"), &told)
	if _, stopped := errors.AsType[*StoppedError](err); !stopped || !strings.Contains(err.Error(), "no (later)") {
		t.Errorf("busy: %v, want a StoppedError", err)
	}
	if resumed(t, p).book.Pending != nil {
		t.Error("the refused order is still pending")
	}

	p, _ = ordered(t, g)
	_, _, err = p.take(t.Context(), refusal("invalid"), &told)
	if _, stopped := errors.AsType[*StoppedError](err); err == nil || stopped {
		t.Errorf("invalid: %v, want plain failure", err)
	}

	p, _ = ordered(t, g)
	if _, _, err := p.take(t.Context(), g.invoice(p, nil), &told); err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{"busy", "not-selling", "invalid", "expired", "not-found"} {
		if _, done, err := p.take(t.Context(), refusal(code), &told); done || err != nil {
			t.Errorf("%s about a paid order: %t %v", code, done, err)
		}
	}
	if resumed(t, p).book.Pending == nil {
		t.Error("a paid order was given up on somebody's word")
	}
}

func TestPinnedGatewayIsTheOnlyOne(t *testing.T) {
	g := newGateway(t)
	f := home(t)
	if err := f.remember("mqtt://gw:1883", g.identity.Fingerprint()); err != nil {
		t.Fatal(err)
	}
	other := newGateway(t)
	raw, err := other.identity.SignOffer(other.offer)
	if err != nil {
		t.Fatal(err)
	}
	say := func(pin string) (*purchase, error) {
		p, err := newPurchase(Options{Target: Target{Broker: "mqtt://gw:1883", Fingerprint: pin}, Say: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		s := &session{pin: &peerPin{}, offers: make(chan []byte, 1)}
		s.offers <- raw
		_, err = p.readOffer(t.Context(), s)
		return p, err
	}
	if _, err := say(""); err == nil || !strings.Contains(err.Error(), g.identity.Fingerprint()) || !strings.Contains(err.Error(), "#FINGERPRINT") {
		t.Errorf("another gateway at a known address: %v", err)
	}
	if known, err := f.trust("mqtt://gw:1883"); err != nil || known != g.identity.Fingerprint() {
		t.Errorf("and now it is trusted: %q %v", known, err)
	}
	if p, err := say(other.identity.Fingerprint()); err != nil || p.fingerprint != other.identity.Fingerprint() {
		t.Errorf("named by its fingerprint: %v", err)
	}
}
