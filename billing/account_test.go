package billing

import (
	"context"
	"slices"
	"testing"
	"time"
)

// TestOnlyWhatWasProvenIsAnnounced: a password that changed between render and proof waits for the next proof.
func TestOnlyWhatWasProvenIsAnnounced(t *testing.T) {
	for name, settled := range map[string]bool{"of a new account": false, "of a proven one": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			b := newBuyer(1)
			w.credit(w.pay(w.buy(b, Order{Username: "alice", Password: "the first password"}), 500))
			if settled {
				w.prove()
				w.credit(w.pay(w.buy(b, Order{Username: "alice", Password: "the middle password"}), 500))
			}
			rendered := w.accounts()
			w.credit(w.pay(w.buy(b, Order{Username: "alice", Password: "the last password"}), 500))
			if list, err := w.shop.Activate(context.Background(), rendered, w.now); err != nil || len(list) != 0 {
				t.Fatalf("announced %+v, %v, but another password was proven", list, err)
			}
			if a := w.accounts(); len(a) != 1 || a[0].State != GrantPending {
				t.Fatalf("accounts %+v", a)
			}
			if list := w.prove(); len(list) != 2 || w.accounts()[0].State != GrantActive {
				t.Errorf("announced %+v after the proof", list)
			}
		})
	}
}

// TestRevisionTellsWhenToList: it changes with the list of accounts, and not with what leaves it alone.
func TestRevisionTellsWhenToList(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	last, list := w.shop.Revision(), w.accounts()
	step := func(what string, changes bool, do func()) {
		t.Helper()
		do()
		revision, accounts := w.shop.Revision(), w.accounts()
		if (revision != last) != changes || slices.Equal(accounts, list) == changes {
			t.Errorf("%s: revision %d to %d, accounts %+v to %+v", what, last, revision, list, accounts)
		}
		last, list = revision, accounts
	}
	var first, second Invoice
	step("an order", false, func() { first = w.buy(newBuyer(1), Order{Username: "alice"}) })
	step("a part of its price", false, func() { w.credit(w.pay(first, 1)) })
	step("the rest", true, func() { w.credit(w.pay(first, 499)) })
	step("a proof", true, func() { w.prove() })
	step("nothing", false, func() { w.prove(); w.tick(time.Minute); w.credit() })
	step("a renewal", true, func() { w.credit(w.pay(w.buy(newBuyer(1), Order{Username: "alice"}), 500)) })
	step("a user", true, func() { w.must(err2(w.added("jane"))) })
	step("her end", true, func() { w.must(w.shop.Revoke(ctx, "jane", "", w.now)) })
	step("withheld time", false, func() { w.withhold(0, time.Minute) })
	step("a lapse that brings time", true, func() {
		second = w.buy(newBuyer(2), Order{})
		w.credit(w.pay(second, 250))
		w.tick(openFor)
	})
	step("the same terms", false, func() { w.must(w.shop.SetTerms(ctx, w.terms, w.now)) })
	step("another network", true, func() {
		w.terms.Network.Name = "rebased"
		w.must(w.shop.SetTerms(ctx, w.terms, w.now))
	})
	step("and back", true, func() {
		w.terms.Network.Name = SandboxNetwork
		w.must(w.shop.SetTerms(ctx, w.terms, w.now))
	})
	step("the end", true, func() { w.tick(2 * time.Hour) })
}

// added is a user of the owner.
func (w *world) added(name string) (Grant, error) {
	g, _, err := w.shop.AddGrant(context.Background(), name, 0, "", w.now)
	return g, err
}
