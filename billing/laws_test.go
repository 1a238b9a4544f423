package billing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestOnePaymentBuysOneGrant(t *testing.T) {
	for name, deliver := range map[string]func(*world, Deposit){
		"twice in a batch":      func(w *world, d Deposit) { w.credit(d, d) },
		"in two batches":        func(w *world, d Deposit) { w.credit(d); w.credit(d) },
		"again after a restart": func(w *world, d Deposit) { w.credit(d); w.reopen(); w.credit(d) },
		"again after the proof": func(w *world, d Deposit) { w.credit(d); w.prove(); w.credit(d) },
		"again after the lapse": func(w *world, d Deposit) { w.credit(d); w.tick(time.Hour); w.credit(d) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			v := w.buy(newBuyer(1), Order{})
			deliver(w, w.pay(v, 500))
			if g := w.grants(); len(g) != 1 || g[0].Seconds != 3600 {
				t.Errorf("grants %+v, want one of 3600 s", g)
			}
			if p, _ := w.shop.Payments(context.Background(), 0); len(p) != 1 || p[0].Order != v.Hash {
				t.Errorf("payments %+v", p)
			}
			told := map[string]int{}
			entries, err := w.shop.Journal(context.Background(), 0)
			w.must(err)
			for _, e := range entries {
				told[e.Kind]++
			}
			if told["paid"] != 1 || told["granted"] != 1 || told["unassigned"] != 0 {
				t.Errorf("the journal tells of %v", told)
			}
		})
	}
}

func TestPartPaymentsAddUp(t *testing.T) {
	w := newWorld(t)
	v := w.buy(newBuyer(1), Order{})
	if c := w.credit(w.pay(v, 199)); len(c) != 1 || c[0].Kind != ChangePaid {
		t.Fatalf("changes %+v", c)
	}
	if state, _ := w.state(v.Hash); state != StatePartPaid || len(w.accounts()) != 0 {
		t.Fatalf("part-paid order is %s with %d accounts", state, len(w.accounts()))
	}
	w.credit(w.pay(v, 300))
	if len(w.accounts()) != 0 {
		t.Fatal("one unit short, but in")
	}
	w.credit(w.pay(v, 1))
	if state, r := w.state(v.Hash); state != StateSettled || r.Seconds != 3600 {
		t.Fatalf("%s, %d s", state, r.Seconds)
	}
}

func TestWhatIsPaidAtTheLapseIsCreditedIfItMakesAMinute(t *testing.T) {
	for _, c := range []struct {
		paid    Units
		seconds int64
	}{{8, 0}, {9, 64}, {499, 3592}} { // 7.2 s a unit
		w := newWorld(t)
		v := w.buy(newBuyer(1), Order{})
		w.credit(w.pay(v, c.paid))
		changes := w.tick(openFor)
		if len(changes) != 1 || changes[0].Document == nil {
			t.Fatalf("%d units: changes %+v", c.paid, changes)
		}
		var got int64
		if g := w.grants(); len(g) == 1 {
			got = g[0].Seconds
		}
		if got != c.seconds {
			t.Errorf("%d units brought %d s, want %d", c.paid, got, c.seconds)
		}
	}
}

func TestLateMoneyCountsAtThePriceOfItsTime(t *testing.T) {
	w := newWorld(t)
	v := w.buy(newBuyer(1), Order{})
	inTime := w.pay(v, 250)
	w.tick(time.Hour)
	if state, _ := w.state(v.Hash); state != StateLapsed {
		t.Fatalf("order is %s", state)
	}
	w.terms.Price.Amount = 1000
	w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
	late := w.pay(v, 250)
	late.At = w.now.Add(time.Minute)
	early := w.pay(v, 500) // after the lapse, before the new price
	early.At = w.now.Add(-time.Minute)
	w.credit(late, inTime, early)
	if g := w.grants(); len(g) != 1 || g[0].Seconds != 900+1800+3600 {
		t.Errorf("grants %+v, want 900 + 1800 + 3600 s", g)
	}
}

func TestOverpaymentIsTime(t *testing.T) {
	w := newWorld(t)
	v := w.buy(newBuyer(1), Order{})
	w.credit(w.pay(v, 1001))
	if g := w.grants(); len(g) != 1 || g[0].Seconds != 7207 { // floor(1001 * 3600 / 500)
		t.Errorf("grants %+v", g)
	}
}

func TestPriceChangeNeverTouchesAnOpenOrder(t *testing.T) {
	w := newWorld(t)
	v := w.buy(newBuyer(1), Order{})
	w.terms.Price.Amount = 5000
	w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
	w.reopen()
	w.credit(w.pay(v, 500))
	if g := w.grants(); len(g) != 1 || g[0].Seconds != 3600 {
		t.Errorf("grants %+v", g)
	}
}

func TestRenewalExtendsFromTheEndOrFromNow(t *testing.T) {
	w := newWorld(t)
	b := newBuyer(1)
	first := w.buy(b, Order{Username: "alice", Password: "correct horse 1"})
	w.credit(w.pay(first, 500))
	w.prove()
	before := w.accounts()[0]
	w.tick(10 * time.Minute)
	changes := w.credit(w.pay(w.buy(b, Order{Username: "alice"}), 500))
	if len(changes) != 1 || changes[0].Kind != ChangeExtended {
		t.Fatalf("changes %+v", changes)
	}
	r, err := VerifyReceipt(changes[0].Document, w.id.Fingerprint())
	w.must(err)
	if r.State != StateActive || !r.End.Equal(t0.Add(2*time.Hour)) || r.SealedPassword != "" {
		t.Errorf("receipt of the renewal: %+v", r)
	}
	after := w.accounts()[0]
	if after.Credential != before.Credential || after.GrantID != before.GrantID || after.State != GrantActive {
		t.Errorf("the renewal changed the account: %+v", after)
	}
	w.tick(3 * time.Hour)
	w.credit(w.pay(w.buy(b, Order{Username: "alice"}), 500))
	w.prove()
	again := w.accounts()
	if len(again) != 1 || again[0].GrantID == before.GrantID || !again[0].End.Equal(w.now.Add(time.Hour)) || again[0].Credential != before.Credential {
		t.Errorf("after the end: %+v", again)
	}
}

func TestReplayNeverChangesAPassword(t *testing.T) {
	w := newWorld(t)
	b := newBuyer(1)
	sealed := w.seal(b, Order{Username: "alice", Password: "the first password"})
	v := w.place(sealed)
	w.credit(w.pay(v, 500))
	w.prove()
	w.credit(w.pay(w.buy(b, Order{Username: "alice", Password: "the second password"}), 500))
	if a := w.accounts()[0]; a.State != GrantPending || !a.opens("the second password") {
		t.Fatalf("a new order with a new password: %+v", a)
	}
	if list := w.prove(); len(list) != 1 || list[0].Receipt == nil {
		t.Fatalf("the new password was not announced: %+v", list)
	}
	raw, err := w.shop.PlaceOrder(context.Background(), sealed, Origin{Transport: ByHTTP}, w.now)
	w.must(err)
	if r, err := VerifyReceipt(raw, w.id.Fingerprint()); err != nil || r.State != StateActive {
		t.Errorf("the replayed order was answered with %s, %v", raw, err)
	}
	w.credit(w.pay(v, 500)) // and paid again
	a := w.accounts()
	if len(a) != 1 || !a[0].opens("the second password") || a[0].opens("the first password") || a[0].State != GrantActive {
		t.Errorf("a replayed order changed the account: %+v", a)
	}
	if !a[0].End.Equal(t0.Add(3 * time.Hour)) {
		t.Errorf("end %v, want three hours: money for a settled order is time", a[0].End)
	}
}

func TestNameBelongsToTheFirstWhoPays(t *testing.T) {
	w := newWorld(t)
	alice, mallory := newBuyer(1), newBuyer(2)
	a, m := w.buy(alice, Order{Username: "alice"}), w.buy(mallory, Order{Username: "alice", Password: "mallory was here"})
	w.credit(w.pay(a, 500))
	credential := w.accounts()[0].Credential
	w.credit(w.pay(m, 500))
	accounts := w.accounts()
	if len(accounts) != 2 || accounts[0].Username != "alice" || accounts[0].Credential != credential {
		t.Fatalf("accounts %+v", accounts)
	}
	_, r := w.state(m.Hash)
	if !strings.HasPrefix(r.Username, "alice-") || len(r.Username) != len("alice-")+4 || r.Username != accounts[1].Username || !accounts[1].opens("mallory was here") {
		t.Errorf("the second got %q", r.Username)
	}
	w.prove()
	w.tick(time.Hour)
	try := func() error {
		_, err := w.shop.PlaceOrder(context.Background(), w.seal(mallory, Order{Username: "alice"}), Origin{Transport: ByHTTP}, w.now)
		return err
	}
	wantCode(t, try(), CodeUsernameTaken)
	w.tick(nameKept - time.Second)
	wantCode(t, try(), CodeUsernameTaken)
	w.tick(time.Second)
	w.must(try())
	// Alice's old order is paid once more after somebody else has got her name: not a second of it is his.
	w.credit(w.pay(w.buy(mallory, Order{Username: "alice"}), 500))
	w.credit(w.pay(a, 500))
	if _, r := w.state(a.Hash); !strings.HasPrefix(r.Username, "alice-") || r.Username == accounts[1].Username {
		t.Errorf("late money of the old order went to %q", r.Username)
	}
}

func TestMoneyWithoutAnOrderIsKeptAndAssignedOnce(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	v := w.buy(newBuyer(1), Order{})
	lost := w.pay(v, 500)
	lost.Reference = "wg-typo\n\x1b[31m"
	elsewhere := w.pay(v, 500)
	elsewhere.Address = "another"
	w.credit(lost, elsewhere)
	list, err := w.shop.Unassigned(ctx, 0)
	w.must(err)
	if len(list) != 2 || list[0].Note == "" || strings.ContainsAny(list[0].Reference, "\n\x1b") || len(w.grants()) != 0 {
		t.Fatalf("unassigned %+v", list)
	}
	changes, err := w.shop.Assign(ctx, list[0].ID, v.Hash, w.now)
	w.must(err)
	if len(changes) != 1 || changes[0].Kind != ChangeGranted || w.grants()[0].Seconds != 3600 {
		t.Errorf("changes %+v", changes)
	}
	_, err = w.shop.Assign(ctx, list[0].ID, v.Hash, w.now)
	wantCode(t, err, CodeNotFound)
	_, err = w.shop.Assign(ctx, list[1].ID, "none", w.now)
	wantCode(t, err, CodeNotFound)
	w.must(err2(w.shop.Assign(ctx, list[1].ID, v.Reference, w.now)))
	if w.grants()[0].Seconds != 7200 {
		t.Errorf("grants %+v", w.grants())
	}
}

func err2[T any](_ T, err error) error { return err }

func TestTooMuchMoneyIsKeptAsideAndStopsNothing(t *testing.T) {
	w := newWorld(t)
	v := w.buy(newBuyer(1), Order{})
	w.credit(w.pay(v, 1<<62), w.pay(v, 1<<62), w.pay(v, 1<<62), w.pay(v, 500))
	if u, _ := w.shop.Unassigned(context.Background(), 0); len(u) != 3 {
		t.Errorf("%d unassigned, want 3", len(u))
	}
	if g := w.grants(); len(g) != 1 || g[0].Seconds != 3600 {
		t.Errorf("grants %+v", g)
	}
}

func TestNobodyHoldsMoreThanAHundredYears(t *testing.T) {
	w := newWorld(t)
	b := newBuyer(1)
	const sixtyYears = 60 * 365 * 24 // hours
	for range 2 {
		w.credit(w.pay(w.buy(b, Order{Username: "alice", Periods: sixtyYears}), 500*sixtyYears))
	}
	if g := w.grants(); len(g) != 1 || g[0].Seconds != sixtyYears*3600 {
		t.Errorf("grants %+v", g)
	}
	if u, _ := w.shop.Unassigned(context.Background(), 0); len(u) != 1 || !strings.Contains(u[0].Note, "hundred years") {
		t.Errorf("unassigned %+v", u)
	}
}

func TestPlayMoneyEndsWithItsNetwork(t *testing.T) {
	w := newWorld(t)
	w.credit(w.pay(w.buy(newBuyer(1), Order{}), 500))
	w.prove()
	_, _, err := w.shop.AddGrant(context.Background(), "jane", 0, "", w.now)
	w.must(err)
	w.terms.Network = Network{Name: "rebased", Address: "0xabc", Decimals: 9}
	w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
	if a := w.accounts(); len(a) != 1 || !a[0].Owner {
		t.Errorf("accounts %+v", a)
	}
	if c := w.tick(0); len(c) != 1 || c[0].Kind != ChangeEnded {
		t.Errorf("changes %+v", c)
	}
}

// randomSales places orders and makes payments for them; want is the time that each order's payments buy.
func randomSales(w *world, r *rand.Rand) (events []Deposit, want map[string]int64) {
	want = map[string]int64{}
	for i := range 8 {
		v := w.buy(newBuyer(byte(i)), Order{Periods: int64(1 + r.IntN(3))})
		var total Units
		for range 1 + r.IntN(4) {
			amount := Units(1 + r.IntN(900))
			total += amount
			events = append(events, w.pay(v, amount))
		}
		if s := int64(total) * 3600 / 500; s >= leastCredit {
			want[v.Hash] = s
		}
	}
	return events, want
}

// TestShuffledDuplicatedAndInterrupted: whatever the sequence, the repetitions, the batches and the restarts, every
// order ends with the time that its payments buy.
func TestShuffledDuplicatedAndInterrupted(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t)
			events, want := randomSales(w, r)
			events = append(events, events...)
			r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
			for len(events) > 0 {
				n := min(1+r.IntN(4), len(events))
				w.credit(events[:n]...)
				events = events[n:]
				switch r.IntN(5) {
				case 0:
					w.reopen()
				case 1:
					w.prove()
				case 2:
					w.tick(10 * time.Minute)
				}
			}
			w.tick(openFor)
			orders, err := w.shop.Orders(context.Background(), 0)
			w.must(err)
			var sold, granted int64
			for _, o := range orders {
				if o.Seconds != want[o.Hash] {
					t.Errorf("order %s has brought %d s, want %d (%s, paid %d)", o.Hash[:8], o.Seconds, want[o.Hash], o.State, o.Paid)
				}
				sold += o.Seconds
			}
			for _, g := range w.grants() {
				granted += g.Seconds
			}
			if sold != granted {
				t.Errorf("orders say %d s, grants %d s", sold, granted)
			}
		})
	}
}
