package billing

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

// carry is a payment with a sealed order in its metadata.
func (w *world) carry(sealed []byte, amount Units) Deposit {
	d := w.pay(Invoice{Address: w.terms.Network.Address}, amount)
	d.Metadata = sealed
	return d
}

func TestPaymentBringsItsOrderAlong(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceTag)
	reply, err := NewReplyKey()
	w.must(err)
	client := "abcdefghijklmnopqrstuvwxyz"
	sealed := w.seal(newBuyer(1), Order{Username: "alice", Password: "correct horse 1", ReplyTo: client, ReplyKey: PublicText(reply)})
	changes := w.credit(w.carry(sealed, 1_500_001)) // the larger deposit buys more time
	if len(changes) != 1 || changes[0].Kind != ChangeGranted || changes[0].ReplyTo != client || changes[0].Order != OrderHash(sealed) {
		t.Fatalf("changes %+v", changes)
	}
	w.prove()
	a := w.accounts()
	if len(a) != 1 || a[0].Username != "alice" || !a[0].opens("correct horse 1") {
		t.Fatalf("accounts %+v", a)
	}
	if state, r := w.state(OrderHash(sealed)); state != StateActive || r.Seconds != 10800 || r.Paid.Base != "1500001" {
		t.Errorf("%s, receipt %+v", state, r)
	}
	// The gateway takes the same order by MQTT for the one that it knows.
	w.must(err2(w.shop.PlaceOrder(context.Background(), sealed, Origin{Transport: ByMQTT}, w.now)))
	if o, _ := w.shop.Orders(context.Background(), 0); len(o) != 1 {
		t.Errorf("%d orders", len(o))
	}
}

func TestCarriedOrderMadeUpAPasswordForItsBuyer(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceTag)
	reply, err := NewReplyKey()
	w.must(err)
	sealed := w.seal(newBuyer(1), Order{ReplyKey: PublicText(reply)})
	w.credit(w.carry(sealed, 500_000))
	_, r := w.state(OrderHash(sealed))
	password, err := OpenReply(r.SealedPassword, reply, OrderHash(sealed))
	w.must(err)
	if a := w.accounts(); len(a) != 1 || !a[0].opens(string(password)) {
		t.Errorf("accounts %+v", a)
	}
}

func TestReplayedMetadataIsTimeAndNeverAPassword(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceTag)
	b := newBuyer(1)
	id := NewOrderID()
	first := w.seal(b, Order{ID: id, Username: "alice", Password: "the first password"})
	w.credit(w.carry(first, 500_000))
	w.credit(w.pay(w.buy(b, Order{Username: "alice", Password: "the second password"}), 500_000))
	w.prove()
	again := w.seal(b, Order{ID: id, Username: "mallory", Password: "the third password"}) // sealed anew under the same id
	stranger := w.carry(first, 500_000)                                                    // copied from the ledger
	w.credit(stranger, w.carry(again, 500_000))
	a := w.accounts()
	if len(a) != 1 || !a[0].opens("the second password") || !a[0].End.Equal(w.now.Add(4*time.Hour)) {
		t.Errorf("accounts %+v", a)
	}
	if o, _ := w.shop.Orders(context.Background(), 0); len(o) != 2 {
		t.Errorf("%d orders", len(o))
	}
}

func TestCarriedOrderCostsThePriceOfItsLedgerTime(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceTag)
	sealed := w.seal(newBuyer(1), Order{})
	d := w.carry(sealed, 500_000)
	w.now = w.now.Add(10 * time.Minute)
	w.terms.Price.Amount *= 10
	w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
	dear := w.carry(w.seal(newBuyer(2), Order{}), 5_000_000)
	w.credit(dear, d)
	if g := w.grants(); len(g) != 2 || g[0].Seconds != 3600 || g[1].Seconds != 3600 {
		t.Errorf("grants %+v", g)
	}
}

func TestCarriedOrderSeenLateCountsFromItsLedgerTime(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceTag)
	inTime, expired := w.carry(w.seal(newBuyer(1), Order{}), 250_000), w.carry(w.seal(newBuyer(2), Order{}), 500_000)
	expired.At = w.now.Add(time.Hour + time.Millisecond) // after not_after
	w.now = w.now.Add(3 * 24 * time.Hour)
	w.credit(inTime, expired)
	if g := w.grants(); len(g) != 1 || g[0].Seconds != 1800 { // half of the price, and its time to pay is over: pro rata
		t.Errorf("grants %+v", g)
	}
	if u := w.unassigned(); len(u) != 1 || u[0].Deposit != expired.ID || !strings.Contains(u[0].Note, "not_after") {
		t.Errorf("unassigned %+v", u)
	}
}

func TestTagTopsUpACarriedOrderInAnySequence(t *testing.T) {
	for _, tagFirst := range []bool{false, true} {
		w := newWorld(t)
		w.use(ReferenceTag)
		sealed := w.seal(newBuyer(1), Order{})
		part := w.carry(sealed, 200_000)
		rest := w.pay(Invoice{Address: w.terms.Network.Address, Reference: referenceOf(OrderHash(sealed))}, 300_000)
		held := rest
		held.ID, held.Hold = "tx-held", "has an expiration condition"
		if tagFirst {
			w.credit(rest, held)
			w.credit(part)
		} else {
			w.credit(part)
			if len(w.grants()) != 0 {
				t.Error("part-paid, but in")
			}
			w.credit(rest, held)
		}
		if g := w.grants(); len(g) != 1 || g[0].Seconds != 3600 || len(w.unassigned()) != 1 {
			t.Errorf("tag first %v: grants %+v, unassigned %+v", tagFirst, g, w.unassigned())
		}
	}
}

func TestCarriedNameThatIsTakenGetsASuffix(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceTag)
	w.credit(w.carry(w.seal(newBuyer(1), Order{Username: "alice"}), 500_000))
	w.credit(w.carry(w.seal(newBuyer(2), Order{Username: "alice"}), 500_000))
	if a := w.accounts(); len(a) != 2 || !strings.HasPrefix(a[1].Username, "alice-") {
		t.Errorf("accounts %+v", a)
	}
}

// TestHostileMetadataIsKeptAside: whatever a payment carries, it is stored with a reason and the next one is credited.
func TestHostileMetadataIsKeptAside(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceTag)
	good := w.seal(newBuyer(1), Order{})
	mangle := func(i int) []byte { b := bytes.Clone(good); b[i] ^= 1; return b }
	elsewhere := w.carry(good, 500_000)
	elsewhere.Address = "rms1another"
	other := w.order(Order{})
	other.Product = "gold"
	gold, err := SealOrder(other, w.offer(), newBuyer(2).key)
	w.must(err)
	huge, err := SealOrder(w.order(Order{Periods: 1 << 40}), w.offer(), newBuyer(2).key)
	w.must(err)
	bad := map[string]Deposit{
		"nothing of ours":  w.carry([]byte("hello"), 500_000),
		"empty envelope":   w.carry(make([]byte, 512), 500_000),
		"8 KiB":            w.carry(bytes.Repeat([]byte{1}, 8<<10), 500_000),
		"8 MiB":            w.carry(bytes.Repeat([]byte{1}, 8<<20), 500_000),
		"unknown key":      w.carry(mangle(1), 500_000),
		"tampered":         w.carry(mangle(len(good)-1), 500_000),
		"cut":              w.carry(good[:len(good)-1], 500_000),
		"another address":  elsewhere,
		"another product":  w.carry(gold, 500_000),
		"too many periods": w.carry(huge, 500_000),
	}
	for name, d := range bad {
		d.ID = "tx " + name
		w.credit(d)
	}
	reasons := map[string]string{}
	for _, p := range w.unassigned() {
		reasons[strings.TrimPrefix(p.Deposit, "tx ")] = p.Note
	}
	for name := range bad {
		if reasons[name] == "" {
			t.Errorf("%s: no reason", name)
		}
	}
	if len(reasons) != len(bad) || len(w.grants()) != 0 {
		t.Errorf("%v, grants %+v", reasons, w.grants())
	}
	w.credit(w.carry(good, 500_000))
	if len(w.grants()) != 1 {
		t.Error("the good one was not credited after all that")
	}
	w.terms.Selling = false
	w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
	w.credit(w.carry(w.sealFor(Order{}), 500_000))
	if u := w.unassigned(); !strings.Contains(u[len(u)-1].Note, "nothing is for sale") {
		t.Errorf("unassigned %+v", u)
	}
}

// TestTagThatCollidesStopsNothing: who works out two orders with the same tag gets nothing by it.
func TestTagThatCollidesStopsNothing(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceTag)
	first := w.buy(newBuyer(1), Order{})
	second := w.seal(newBuyer(2), Order{})
	_, err := w.store.db.Exec(`UPDATE orders SET reference = ? WHERE hash = ?`, referenceOf(OrderHash(second)), first.Hash)
	w.must(err)
	w.credit(w.carry(second, 500_000), w.carry(w.seal(newBuyer(3), Order{}), 500_000))
	if u := w.unassigned(); len(u) != 1 || len(w.grants()) != 1 {
		t.Errorf("unassigned %+v, grants %+v", u, w.grants())
	}
	_, err = w.shop.PlaceOrder(context.Background(), second, Origin{Transport: ByHTTP}, w.now)
	wantCode(t, err, CodeOrderExists)
}

// sealFor seals to an offer of when there was something to buy.
func (w *world) sealFor(o Order) []byte {
	w.t.Helper()
	w.terms.Selling = true
	w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
	sealed := w.seal(newBuyer(3), o)
	w.terms.Selling = false
	w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
	return sealed
}

func TestHeldDepositWaitsForTheOwner(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceTag)
	v := w.buy(newBuyer(1), Order{})
	d := w.pay(v, 500_000)
	d.Hold = "has an expiration condition\x1b[2J"
	d.Metadata = w.seal(newBuyer(2), Order{})
	w.credit(d, d)
	u := w.unassigned()
	if len(w.grants()) != 0 || len(u) != 1 || !u[0].Held || u[0].Note != "held: has an expiration condition?[2J" {
		t.Fatalf("unassigned %+v", u)
	}
	w.must(err2(w.shop.Assign(context.Background(), u[0].ID, v.Hash, w.now)))
	if len(w.grants()) != 1 {
		t.Error("the owner assigned it in vain")
	}
}
