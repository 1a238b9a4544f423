package billing

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The laws that hold for every kind of reference.
var allKinds = []ReferenceKind{ReferenceTag, ReferenceAmount, ReferenceAddress}

// TestAnothersPaymentForMyOrderOnlyGivesMeTime: a stranger who pays what my invoice asks for changes neither my name nor
// my password, and gets nothing himself.
func TestAnothersPaymentForMyOrderOnlyGivesMeTime(t *testing.T) {
	for _, kind := range allKinds {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.use(kind)
			w.stock(2)
			v := w.buy(newBuyer(1), Order{Username: "alice", Password: "correct horse 1"})
			w.credit(w.exact(v))
			w.prove()
			before := w.accounts()[0]
			stranger := w.exact(v)
			stranger.Sender = "a stranger"
			changes := w.credit(stranger)
			after := w.accounts()
			if len(after) != 1 || after[0].Credential != before.Credential || after[0].Username != before.Username || !after[0].opens("correct horse 1") {
				t.Errorf("accounts %+v", after)
			}
			if gained := after[0].End.Sub(before.End); gained < time.Hour || gained > 72*time.Minute {
				t.Errorf("it gave %v", gained)
			}
			if len(changes) != 1 || changes[0].Kind != ChangeExtended || len(w.grants()) != 1 {
				t.Errorf("changes %+v", changes)
			}
		})
	}
}

func TestPriceChangeNeverTouchesAnOpenOrderOfAnyKind(t *testing.T) {
	for _, kind := range allKinds {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.use(kind)
			w.stock(1)
			v := w.buy(newBuyer(1), Order{})
			w.terms.Price.Amount *= 100
			w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
			d := w.exact(v)
			w.credit(d)
			if g := w.grants(); len(g) != 1 || g[0].Seconds != int64(d.Amount)*3600/500_000 {
				t.Errorf("grants %+v", g)
			}
		})
	}
}

func TestOverflowIsAnErrorOfItsPaymentAlone(t *testing.T) {
	for _, kind := range allKinds {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.use(kind)
			w.stock(1)
			v := w.buy(newBuyer(1), Order{})
			d := w.exact(v)
			big := d
			big.ID, big.Amount, big.Reference = "tx-big", 1<<63-1, referenceOf(v.Hash)
			w.credit(big, d)
			u := w.unassigned()
			if g := w.grants(); len(g) != 1 || g[0].Seconds != int64(d.Amount)*3600/500_000 || len(u) != 1 || u[0].Note == "" {
				t.Errorf("grants %+v, unassigned %+v", g, u)
			}
		})
	}
	w := newWorld(t)
	w.use(ReferenceAmount)
	w.terms.Price = Price{Amount: 1<<63 - 1, Period: 3600, MinPeriods: 1}
	w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
	_, err := w.shop.PlaceOrder(context.Background(), w.seal(newBuyer(1), Order{}), Origin{Transport: ByHTTP}, w.now)
	wantCode(t, err, CodeInvalid)
}

// TestCarriedAndClaimedKilledAtAnyStep kills a process between every two steps of crediting a payment that carries its
// order, with a tag before it, and of a claim; another one goes on with its books.
func TestCarriedAndClaimedKilledAtAnyStep(t *testing.T) {
	if dir := os.Getenv(killedAt + "_DIR"); dir != "" {
		creditClaimAndDie(t, dir)
		return
	}
	for step := 1; ; step++ {
		w := newWorld(t)
		w.use(ReferenceTag)
		v := w.buy(newBuyer(1), Order{Username: "alice"})
		sealed := w.seal(newBuyer(2), Order{Username: "bob"})
		lost := w.pay(v, 500_000)
		lost.Reference, lost.Sender = "", newWallet(7).address()
		plan := claimPlan{
			Deposits: []Deposit{w.pay(Invoice{Address: v.Address, Reference: referenceOf(OrderHash(sealed))}, 100_000), w.carry(sealed, 400_000), lost},
			Claim:    newWallet(7).sign(w.id.Fingerprint(), Claim{Network: "stardust", Payment: lost.ID, Order: v.Hash}), Terms: w.terms,
		}
		raw, err := json.Marshal(plan)
		w.must(err)
		w.must(os.WriteFile(filepath.Join(filepath.Dir(w.path), "plan.json"), raw, 0o600))
		w.must(w.store.Close())
		_, died := runAndKill(t, "TestCarriedAndClaimedKilledAtAnyStep", filepath.Dir(w.path), step)
		w.open()
		w.must(plan.run(w.shop))
		if g := w.grants(); len(g) != 2 || g[0].Seconds != 3600 || g[1].Seconds != 3600 || len(w.unassigned()) != 0 {
			t.Fatalf("killed at step %d: grants %+v", step, g)
		}
		if !died {
			if step < 16 {
				t.Fatalf("it has only %d steps", step-1)
			}
			return
		}
	}
}

// claimPlan is what the process does that is killed.
type claimPlan struct {
	Terms    Terms
	Deposits []Deposit
	Claim    Claim
}

func (p claimPlan) run(shop *Shop) error {
	_, err := shop.Credit(context.Background(), Batch{Deposits: p.Deposits, Cursor: "1"}, t0)
	_, err2 := shop.Claim(context.Background(), p.Claim, verifyWallet, t0)
	return errors.Join(err, err2)
}

func creditClaimAndDie(t *testing.T, dir string) {
	shop := shopOf(t, openAndDie(t, dir), dir)
	var p claimPlan
	raw, err := os.ReadFile(filepath.Join(dir, "plan.json"))
	if err = errors.Join(err, json.Unmarshal(raw, &p)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(shop.SetTerms(context.Background(), p.Terms, t0), p.run(shop)); err != nil {
		t.Fatal(err)
	}
}
