package billing

import (
	"context"
	"crypto/ed25519"
	"crypto/pbkdf2"
	"crypto/sha512"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// t0 is when every test begins.
var t0 = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

func testTerms() Terms {
	return Terms{
		Network:   Network{Name: SandboxNetwork, Address: "sandbox1money", Decimals: 6},
		Product:   Product{ID: "live", Topics: []string{"sensor/live", "sensor/live/w"}, RateHz: 2, MeterRefreshMS: 2000},
		Price:     Price{Amount: 500, Period: 3600, MinPeriods: 1},
		Endpoints: Endpoints{MQTT: "mqtt://127.0.0.1:1883"},
		Text:      "Play money.",
		Selling:   true,
	}
}

// world is a shop on a real database with a buyer before it.
type world struct {
	t     *testing.T
	path  string
	id    *Identity
	store *Store
	shop  *Shop
	terms Terms
	now   time.Time
	n     int // deposits made
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	id, err := LoadIdentity(filepath.Join(dir, "identity.key"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, path: filepath.Join(dir, "wattgate.db"), id: id, terms: testTerms(), now: t0}
	w.open()
	t.Cleanup(func() { w.store.Close() })
	return w
}

func (w *world) open() {
	w.t.Helper()
	store, err := Open(context.Background(), w.path, Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.store = store
	if w.shop, err = NewShop(store, w.id, w.terms, nil); err != nil {
		w.t.Fatal(err)
	}
}

// reopen is a restart of the gateway.
func (w *world) reopen() {
	w.t.Helper()
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) offer() Offer {
	w.t.Helper()
	raw, err := w.shop.Offer(context.Background(), w.now)
	w.must(err)
	o, err := VerifyOffer(raw, w.id.Fingerprint())
	w.must(err)
	return o
}

// use has the shop sell on a network with these references from now on.
func (w *world) use(kind ReferenceKind) {
	w.t.Helper()
	w.terms.Network = Network{Name: "rebased", Address: "0xmain", Decimals: 9, Reference: kind}
	if kind == ReferenceTag {
		w.terms.Network = Network{Name: "stardust", Address: "rms1main", Decimals: 6, Reference: kind}
	}
	w.terms.Price.Amount = 500_000
	w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
}

// stock puts so many addresses into the pool.
func (w *world) stock(n int) {
	w.t.Helper()
	var list []string
	for range n {
		list = append(list, fmt.Sprintf("0xpool-%d", len(list)))
	}
	w.must(err2(w.shop.ImportAddresses(context.Background(), list, func(string) error { return nil }, w.now)))
}

// exact is the payment that an invoice asks for.
func (w *world) exact(v Invoice) Deposit {
	w.t.Helper()
	amount, err := v.Amount.Units()
	w.must(err)
	d := w.pay(v, amount)
	if v.ReferenceKind != ReferenceTag {
		d.Reference = ""
	}
	return d
}

// unassigned are the payments without an order.
func (w *world) unassigned() []Payment {
	w.t.Helper()
	list, err := w.shop.Unassigned(context.Background(), 0)
	w.must(err)
	return list
}

// buyer is a key pair with a name.
type buyer struct{ key ed25519.PrivateKey }

func newBuyer(seed byte) buyer {
	raw := make([]byte, ed25519.SeedSize)
	raw[0] = seed
	return buyer{ed25519.NewKeyFromSeed(raw)}
}

// order fills in what the test does not care about.
func (w *world) order(o Order) Order {
	w.t.Helper()
	reply, err := NewReplyKey()
	w.must(err)
	if o.ID == "" {
		o.ID = NewOrderID()
	}
	if o.ReplyKey == "" {
		o.ReplyKey = PublicText(reply)
	}
	o.Product, o.Periods, o.NotAfter = "live", max(1, o.Periods), Stamp{w.now.Add(time.Hour)}
	return o
}

func (w *world) seal(b buyer, o Order) []byte {
	w.t.Helper()
	sealed, err := SealOrder(w.order(o), w.offer(), b.key)
	w.must(err)
	return sealed
}

func (w *world) place(sealed []byte) Invoice {
	w.t.Helper()
	raw, err := w.shop.PlaceOrder(context.Background(), sealed, Origin{Transport: ByMQTT}, w.now)
	w.must(err)
	v, err := VerifyInvoice(raw, w.id.Fingerprint())
	w.must(err)
	return v
}

// buy places an order and returns its invoice.
func (w *world) buy(b buyer, o Order) Invoice {
	w.t.Helper()
	return w.place(w.seal(b, o))
}

func (w *world) pay(v Invoice, amount Units) Deposit {
	w.n++
	return Deposit{ID: fmt.Sprintf("tx-%d", w.n), Address: v.Address, Reference: v.Reference, Amount: amount, At: w.now}
}

func (w *world) credit(ds ...Deposit) []Change {
	w.t.Helper()
	changes, err := w.shop.Credit(context.Background(), Batch{Deposits: ds, Cursor: fmt.Sprint(w.n)}, w.now)
	w.must(err)
	return changes
}

func (w *world) tick(d time.Duration) []Change {
	w.t.Helper()
	w.now = w.now.Add(d)
	_, changes, err := w.shop.Tick(context.Background(), w.now)
	w.must(err)
	return changes
}

// prove is the broker's proof for everything that waits for it.
func (w *world) prove() []Activated {
	w.t.Helper()
	list, err := w.shop.Activate(context.Background(), w.accounts(), w.now)
	w.must(err)
	return list
}

func (w *world) accounts() []Account {
	w.t.Helper()
	list, err := w.shop.Accounts(context.Background(), w.now)
	w.must(err)
	return list
}

func (w *world) grants() []Grant {
	w.t.Helper()
	list, err := w.shop.Grants(context.Background(), 0)
	w.must(err)
	return list
}

// state is the present state document of an order: its state, and the receipt if it is one.
func (w *world) state(hash string) (string, Receipt) {
	w.t.Helper()
	raw, err := w.shop.OrderState(context.Background(), hash, w.now)
	w.must(err)
	if r, err := VerifyReceipt(raw, w.id.Fingerprint()); err == nil {
		return r.State, r
	}
	v, err := VerifyInvoice(raw, w.id.Fingerprint())
	w.must(err)
	return v.State, Receipt{}
}

// opens reports whether the password fits the account.
func (a Account) opens(password string) bool {
	key, err := pbkdf2.Key(sha512.New, password, a.Salt[:], a.Iterations, 64)
	return err == nil && string(key) == string(a.Key[:])
}

func wantCode(t *testing.T, err error, code Code) {
	t.Helper()
	r, ok := errors.AsType[*Refusal](err)
	if !ok || r.Code != code {
		t.Fatalf("err = %v, want a refusal %s", err, code)
	}
	if r.Fix == "" || r.Message == "" {
		t.Errorf("refusal %s says nothing: %+v", code, r)
	}
}
