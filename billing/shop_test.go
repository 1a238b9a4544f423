package billing

import (
	"context"
	"crypto/ed25519"
	"crypto/pbkdf2"
	"crypto/sha512"
	"encoding/json"
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
	var ids []int64
	for _, a := range w.accounts() {
		if a.State == GrantPending {
			ids = append(ids, a.GrantID)
		}
	}
	list, err := w.shop.Activate(context.Background(), ids, w.now)
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

func TestFromOrderToEnd(t *testing.T) {
	w := newWorld(t)
	reply, err := NewReplyKey()
	w.must(err)
	client := "abcdefghijklmnopqrstuvwxyz"
	o := w.order(Order{ReplyTo: client, ReplyKey: PublicText(reply), Periods: 2})
	offer := w.offer()
	sealed, err := SealOrder(o, offer, newBuyer(1).key)
	w.must(err)
	v := w.place(sealed)
	w.must(CheckInvoice(v, sealed, o, offer))
	if v.State != StateOpen || v.Amount.Amount != "0.001" || !v.Expires.Equal(t0.Add(30*time.Minute)) {
		t.Fatalf("invoice %+v", v)
	}
	if len(w.accounts()) != 0 {
		t.Fatal("an unpaid order lets somebody in")
	}
	changes := w.credit(w.pay(v, 1000))
	if len(changes) != 1 || changes[0].Kind != ChangeGranted || changes[0].ReplyTo != client {
		t.Fatalf("changes %+v", changes)
	}
	if state, r := w.state(v.Hash); state != StateSettled || !r.Start.IsZero() || !r.End.IsZero() {
		t.Fatalf("before the proof: %s %+v", state, r)
	}
	w.now = w.now.Add(time.Second)
	activated := w.prove()
	if len(activated) != 1 || activated[0].ReplyTo != client || activated[0].Owner {
		t.Fatalf("activated %+v", activated)
	}
	r, err := VerifyReceipt(activated[0].Receipt, w.id.Fingerprint())
	w.must(err)
	if r.State != StateActive || !r.Start.Equal(w.now) || !r.End.Equal(w.now.Add(2*time.Hour)) || r.Seconds != 7200 || len(r.Topics) != 2 {
		t.Fatalf("receipt %+v", r)
	}
	password, err := OpenReply(r.SealedPassword, reply, v.Hash)
	w.must(err)
	accounts := w.accounts()
	if len(accounts) != 1 || accounts[0].Username != r.Username || !accounts[0].opens(string(password)) || accounts[0].Iterations != 1 {
		t.Fatalf("accounts %+v do not let %s in", accounts, r.Username)
	}
	if again := w.prove(); len(again) != 0 {
		t.Errorf("announced twice: %+v", again)
	}
	if again, err := w.shop.Activate(context.Background(), []int64{accounts[0].GrantID}, w.now.Add(time.Hour)); err != nil || len(again) != 0 {
		t.Errorf("a second proof started something: %+v, %v", again, err)
	}
	next, _, err := w.shop.Tick(context.Background(), w.now.Add(time.Hour))
	if err != nil || !next.Equal(r.End.Time) {
		t.Errorf("next = %v, %v, want the end %v", next, err, r.End)
	}
	w.now = r.End.Time
	if got := w.accounts(); len(got) != 0 {
		t.Errorf("still in at the end: %+v", got)
	}
	if changes := w.tick(0); len(changes) != 1 || changes[0].Kind != ChangeEnded {
		t.Errorf("at the end: %+v", changes)
	}
	if state, _ := w.state(v.Hash); state != StateEnded {
		t.Errorf("order is %s after the end", state)
	}
}

func TestOfferChangesOnlyForAReason(t *testing.T) {
	w := newWorld(t)
	first := w.offer()
	w.now = w.now.Add(59 * time.Minute)
	w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
	w.reopen()
	if again := w.offer(); again.Hash() != first.Hash() {
		t.Error("a restart with the same terms changed the offer")
	}
	w.now = w.now.Add(time.Minute)
	if again := w.offer(); again.Hash() == first.Hash() {
		t.Error("an offer of an hour was not signed again")
	}
	before := w.offer()
	w.terms.Price.Amount = 600
	w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
	if again := w.offer(); again.Hash() == before.Hash() || again.Products[0].Price.Base != "600" {
		t.Error("a new price did not change the offer")
	}
	w.terms.Selling = false
	w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
	if o := w.offer(); len(o.Products) != 0 {
		t.Errorf("nothing is for sale, but offered: %+v", o.Products)
	}
}

func TestKeysRotateAndAreDestroyed(t *testing.T) {
	w := newWorld(t)
	old := w.offer()
	early := w.seal(newBuyer(1), Order{})
	w.tick(sealKeyOffered)
	w.now = w.now.Add(time.Hour)
	fresh := w.offer()
	if fresh.Keys[0].KID == old.Keys[0].KID {
		t.Fatal("the key did not rotate after 30 days")
	}
	// The order is expired by now, which proves that it could still be opened.
	_, err := w.shop.PlaceOrder(context.Background(), early, Origin{Transport: ByMQTT}, w.now)
	wantCode(t, err, CodeExpired)
	w.tick(sealKeyOffered)
	_, err = w.shop.PlaceOrder(context.Background(), early, Origin{Transport: ByMQTT}, w.now)
	wantCode(t, err, CodeKeyUnknown)
	var left int
	w.must(w.store.db.QueryRow(`SELECT count(*) FROM seal_keys WHERE kid = ?`, old.Keys[0].KID).Scan(&left))
	if left != 0 {
		t.Error("the old key was not destroyed")
	}
}

func TestOwnersUsers(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	g, password, err := w.shop.AddGrant(ctx, "jane", 0, "my dashboard", w.now)
	w.must(err)
	accounts := w.accounts()
	if len(accounts) != 1 || !accounts[0].Owner || accounts[0].State != GrantPending || !accounts[0].opens(password) {
		t.Fatalf("accounts %+v", accounts)
	}
	if a := w.prove(); len(a) != 1 || !a[0].Owner || a[0].Receipt != nil || !a[0].End.IsZero() {
		t.Fatalf("activated %+v", a)
	}
	w.tick(10 * 365 * 24 * time.Hour)
	if len(w.accounts()) != 1 {
		t.Fatal("for ever is over")
	}
	_, _, err = w.shop.AddGrant(ctx, "jane", time.Hour, "", w.now)
	wantCode(t, err, CodeConflict)
	w.must(w.shop.Revoke(ctx, "jane", "moved out", w.now))
	if len(w.accounts()) != 0 {
		t.Fatal("revoked, but still in")
	}
	wantCode(t, w.shop.Revoke(ctx, "jane", "", w.now), CodeNotFound)
	again, other, err := w.shop.AddGrant(ctx, "jane", time.Hour, "", w.now)
	w.must(err)
	if again.ID == g.ID || other == password {
		t.Error("a new grant is the old one")
	}
	w.prove()
	w.tick(time.Hour)
	if len(w.accounts()) != 0 {
		t.Error("an hour's grant is not over after an hour")
	}
	_, _, err = w.shop.AddGrant(ctx, "probe-x", 0, "", w.now)
	wantCode(t, err, CodeUsername)
}

func TestQuotasOfOpenOrders(t *testing.T) {
	w := newWorld(t)
	from := func(addr string, tr Transport) error {
		_, err := w.shop.PlaceOrder(context.Background(), w.seal(newBuyer(1), Order{}), Origin{Transport: tr, Addr: addr}, w.now)
		return err
	}
	for range maxOpenByAddr {
		w.must(from("192.0.2.1", ByHTTP))
	}
	err := from("192.0.2.1", ByHTTP)
	wantCode(t, err, CodeBusy)
	if r, _ := errors.AsType[*Refusal](err); !r.RetryAt.Equal(w.now.Add(openFor)) {
		t.Errorf("retry at %v", r.RetryAt)
	}
	w.must(from("192.0.2.2", ByHTTP))
	_, err = w.store.db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO orders (hash, order_id, buyer_key, network, address, reference, topics, price_id, periods, amount, state, username, chosen, iterations,
		salt, key, reply_to, refund_address, transport, addr, placed_ms, expires_ms)
		SELECT 'h' || i, 'o' || i, 'b', 'sandbox', 'a', 'r' || i, '[]', 1, 1, 500, 'open', 'u', 0, 1, x'', x'', '', '', 'http', '', ?, ? FROM n`,
		maxOpenTransport-6, ms(w.now), ms(w.now.Add(openFor)))
	w.must(err)
	wantCode(t, from("192.0.2.3", ByHTTP), CodeBusy)
	w.must(from("", ByMQTT))
	w.tick(openFor)
	w.must(from("192.0.2.3", ByHTTP))
}

func TestOrdersThatAreRefused(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	at := Origin{Transport: ByHTTP, Addr: "192.0.2.9"}
	good := w.seal(newBuyer(1), Order{Username: "alice"})
	mangle := func(f func([]byte) []byte) []byte { return f(append([]byte(nil), good...)) }
	for name, c := range map[string]struct {
		sealed []byte
		code   Code
	}{
		"empty":        {nil, CodeUnreadable},
		"too large":    {make([]byte, MaxSealed+1), CodeTooLarge},
		"version":      {mangle(func(b []byte) []byte { b[0] = 2; return b }), CodeUnreadable},
		"unknown key":  {mangle(func(b []byte) []byte { b[3] ^= 1; return b }), CodeKeyUnknown},
		"flipped bit":  {mangle(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), CodeUnreadable},
		"cut":          {good[:len(good)-1], CodeUnreadable},
		"low order pt": {mangle(func(b []byte) []byte { clear(b[9:41]); return b }), CodeUnreadable},
	} {
		_, err := w.shop.PlaceOrder(ctx, c.sealed, at, w.now)
		t.Run(name, func(t *testing.T) { wantCode(t, err, c.code) })
	}
	if _, err := SealOrder(w.order(Order{Username: "admin"}), w.offer(), newBuyer(1).key); err == nil {
		t.Error("a reserved name was sealed")
	}
	id := NewOrderID()
	w.place(w.seal(newBuyer(1), Order{ID: id}))
	_, err := w.shop.PlaceOrder(ctx, w.seal(newBuyer(1), Order{ID: id, ReplyTo: "0123456789012345678901"}), at, w.now)
	wantCode(t, err, CodeOrderExists)
	if r, _ := errors.AsType[*Refusal](err); r.ReplyTo != "0123456789012345678901" {
		t.Errorf("the refusal does not say whom to tell: %+v", r)
	}
	stale := w.seal(newBuyer(1), Order{})
	w.terms.Price.Amount++
	w.must(w.shop.SetTerms(ctx, w.terms, w.now))
	_, err = w.shop.PlaceOrder(ctx, stale, at, w.now)
	wantCode(t, err, CodeOfferChanged)
	_, err = w.shop.OrderState(ctx, "none", w.now)
	wantCode(t, err, CodeNotFound)
}

func TestRefusalIsTheHTTPError(t *testing.T) {
	raw, err := json.Marshal(&Refusal{Code: CodeBusy, Message: "m", Fix: "f", RetryAt: t0, ReplyTo: "secret"})
	if err != nil || string(raw) != `{"error":{"code":"busy","message":"m","fix":"f","retry_at":"2026-11-22T07:00:00.000Z"}}` {
		t.Errorf("%s, %v", raw, err)
	}
}
