package billing

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"
)

func TestFromOrderToProof(t *testing.T) {
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
	if v.State != StateOpen || v.Amount.Amount != "0.001" || !v.Expires.Equal(t0.Add(30*time.Minute)) || len(w.accounts()) != 0 {
		t.Fatalf("invoice %+v, accounts %+v", v, w.accounts())
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
}

func TestFromProofToEnd(t *testing.T) {
	w := newWorld(t)
	v := w.buy(newBuyer(1), Order{})
	w.credit(w.pay(v, 500))
	rendered := w.accounts()
	end := w.prove()[0].End
	if again := w.prove(); len(again) != 0 {
		t.Errorf("announced twice: %+v", again)
	}
	if again, err := w.shop.Activate(context.Background(), rendered, w.now.Add(time.Minute)); err != nil || len(again) != 0 {
		t.Errorf("a second proof started something: %+v, %v", again, err)
	}
	next, _, err := w.shop.Tick(context.Background(), w.now.Add(time.Minute))
	if err != nil || !next.Equal(end) {
		t.Errorf("next = %v, %v, want the end %v", next, err, end)
	}
	w.now = end.Add(-time.Millisecond)
	if got := w.accounts(); len(got) != 1 {
		t.Errorf("out before the end: %+v", got)
	}
	w.now = end
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
