package billing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// history is what a ledger tells of, in the sequence and with the repetitions in which it tells it, and what has to come
// of it, worked out apart from the books.
type history struct {
	Terms Terms
	Now   time.Time
	Told  []Deposit
	// Seconds that each order has to bring, by its hash.
	Seconds map[string]int64
	// Lost are the deposits that fit nothing.
	Lost []string
	// Deposits, each once.
	Deposits map[string]Units
}

// Two prices are in force one after the other.
const (
	firstPrice  = 500_000
	secondPrice = 730_000
)

// historian makes a history.
type historian struct {
	*world
	r *rand.Rand
	h history
}

// newHistory sells on a network by tags, amounts, addresses of the pool and orders inside payments.
func newHistory(w *world, r *rand.Rand) history {
	n := &historian{world: w, r: r, h: history{Seconds: map[string]int64{}, Deposits: map[string]Units{}}}
	w.use(ReferenceAddress)
	w.stock(5)
	for i := range 14 {
		w.terms.Network.Reference = []ReferenceKind{ReferenceTag, ReferenceAmount, ReferenceAddress}[i%3]
		w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
		o := Order{Username: fmt.Sprintf("buyer-%d", i/2), Password: fmt.Sprintf("the password of %d", i), Periods: int64(1 + r.IntN(3))}
		n.sale(w.seal(newBuyer(byte(i/2)), o), i)
	}
	w.terms.Price.Amount = secondPrice // touches no order that is open
	w.terms.Network.Reference = ReferenceTag
	w.must(w.shop.SetTerms(context.Background(), w.terms, w.now.Add(time.Hour)))
	for range 6 {
		n.pay(Deposit{Reference: "wg-nobody", Amount: Units(1 + r.IntN(900_000))}, "", 0)
		n.pay(Deposit{Metadata: []byte("no order"), Amount: 1}, "", 0)
	}
	for id := range n.h.Deposits { // each of them is told at least once more
		i := slices.IndexFunc(n.h.Told, func(d Deposit) bool { return d.ID == id })
		for range 1 + r.IntN(2) {
			n.h.Told = append(n.h.Told, n.h.Told[i])
		}
	}
	slices.SortFunc(n.h.Told, func(a, b Deposit) int { return strings.Compare(a.ID, b.ID) }) // whatever the map's sequence
	r.Shuffle(len(n.h.Told), func(i, j int) { n.h.Told[i], n.h.Told[j] = n.h.Told[j], n.h.Told[i] })
	n.h.Terms, n.h.Now = w.terms, w.now.Add(time.Minute)
	return n.h
}

// sale is one order and what is paid for it.
func (n *historian) sale(sealed []byte, i int) {
	hash := OrderHash(sealed)
	main := n.terms.Network.Address
	sums := map[int64]Units{} // by price
	pay := func(d Deposit, late bool) {
		price := int64(firstPrice)
		if late {
			price, d.At = secondPrice, n.now.Add(2*time.Hour)
		}
		n.pay(d, hash, price)
		sums[price] += d.Amount
	}
	if i >= 12 { // it comes inside its payment; tags may come before
		for range 1 + n.r.IntN(2) {
			pay(Deposit{Address: main, Metadata: sealed, Amount: Units(1 + n.r.IntN(900_000))}, false)
			pay(Deposit{Address: main, Reference: referenceOf(hash), Amount: Units(1 + n.r.IntN(900_000))}, n.r.IntN(3) == 0)
		}
	} else {
		v := n.place(sealed)
		for range n.r.IntN(4) {
			d := n.exact(v)
			if v.ReferenceKind != ReferenceAmount {
				d.Amount = Units(1 + n.r.IntN(900_000))
			}
			pay(d, n.r.IntN(3) == 0)
		}
		near := n.exact(v)
		near.Hold = "has a timelock"
		n.pay(near, "", 0)
		if v.ReferenceKind == ReferenceAmount {
			near.Hold, near.Amount = "", near.Amount-1_000_000
			near.Amount = max(near.Amount, 7)
			n.pay(near, "", 0)
		}
	}
	var seconds int64
	for price, paid := range sums {
		seconds += int64(paid) * 3600 / price
	}
	if seconds >= leastCredit {
		n.h.Seconds[hash] = seconds
	}
}

// pay tells of a deposit that is for an order, or for none.
func (n *historian) pay(d Deposit, order string, price int64) {
	n.n++
	d.ID = fmt.Sprintf("tx-%03d", n.n)
	if d.Address == "" {
		d.Address = n.terms.Network.Address
	}
	if d.At.IsZero() {
		d.At = n.now
	}
	n.h.Told = append(n.h.Told, d)
	n.h.Deposits[d.ID] = d.Amount
	if order == "" {
		n.h.Lost = append(n.h.Lost, d.ID)
	}
}

// books are everything that the laws are about.
type books struct {
	orders   []OrderRow
	grants   []Grant
	payments []Payment
	accounts []Account
}

func (w *world) books() books {
	w.t.Helper()
	orders, err := w.shop.Orders(context.Background(), 0)
	w.must(err)
	payments, err := w.shop.Payments(context.Background(), 0)
	w.must(err)
	return books{orders, w.grants(), payments, w.accounts()}
}

// obey holds the books against what had to come of a history.
func (w *world) obey(h history) {
	w.t.Helper()
	w.terms, w.now = h.Terms, h.Now
	w.tick(openFor)
	b := w.books()
	var sold, granted, exported int64
	for _, o := range b.orders {
		if o.Seconds != h.Seconds[o.Hash] {
			w.t.Errorf("order %s (%s) has brought %d s, want %d", o.Reference, o.Kind, o.Seconds, h.Seconds[o.Hash])
		}
		sold += o.Seconds
	}
	for _, g := range b.grants {
		granted += g.Seconds
	}
	var lost []string
	seen := map[string]Units{}
	for _, p := range b.payments {
		seen[p.Deposit] += p.Amount
		if p.Order == "" {
			lost = append(lost, p.Deposit)
		}
	}
	slices.Sort(lost)
	slices.Sort(h.Lost)
	if !reflect.DeepEqual(seen, h.Deposits) || len(b.payments) != len(h.Deposits) {
		w.t.Errorf("%d deposits were made, the books have %d", len(h.Deposits), len(b.payments))
	}
	if !slices.Equal(lost, h.Lost) {
		w.t.Errorf("unassigned: %v, want %v", lost, h.Lost)
	}
	_, rows := w.export()
	for _, row := range rows {
		s, err := strconv.ParseInt(row["seconds"], 10, 64)
		w.must(err)
		exported += s
	}
	if sold != granted || sold != exported {
		w.t.Errorf("orders say %d s, grants %d s, the export %d s", sold, granted, exported)
	}
	w.credit(h.Told...) // all of it again
	w.tick(0)
	if again := w.books(); !reflect.DeepEqual(again, b) {
		w.t.Errorf("a replay changed the books from\n%+v\nto\n%+v", b, again)
	}
}

// TestMoneyLawsHoldInAnySequence: whatever the sequence, the repetitions, the batches and the restarts, nothing is
// credited twice, nothing is lost, and every order brings the time that its payments buy at the prices of their time.
func TestMoneyLawsHoldInAnySequence(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 6))
			w := newWorld(t)
			h := newHistory(w, r)
			w.terms, w.now = h.Terms, h.Now
			for told := h.Told; len(told) > 0; {
				n := min(1+r.IntN(6), len(told))
				w.credit(told[:n]...)
				told = told[n:]
				switch r.IntN(6) {
				case 0:
					w.reopen()
				case 1:
					w.prove()
				case 2:
					w.tick(time.Minute)
				}
			}
			h.Now = w.now
			w.obey(h)
		})
	}
}

// TestMoneyLawsHoldThroughKills: a process that reads the ledger is killed at random, again and again, until one comes to
// the end of it.
func TestMoneyLawsHoldThroughKills(t *testing.T) {
	if dir := os.Getenv(killedAt + "_DIR"); dir != "" {
		followAndDie(t, dir)
		return
	}
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t)
		h := newHistory(w, r)
		raw, err := json.Marshal(h)
		w.must(err)
		w.must(os.WriteFile(filepath.Join(filepath.Dir(w.path), "history.json"), raw, 0o600))
		w.must(w.store.Close())
		kills := 0
		for killed := true; killed; kills++ {
			_, killed = runAndKill(t, "TestMoneyLawsHoldThroughKills", filepath.Dir(w.path), 1+r.IntN(40))
		}
		if kills < 6 {
			t.Fatalf("only %d kills", kills-1)
		}
		w.terms, w.now = h.Terms, h.Now
		w.open()
		w.obey(h)
	}
}

// followAndDie is the other process: it reads on where the books say that the one before it has come to.
func followAndDie(t *testing.T, dir string) {
	var h history
	raw, err := os.ReadFile(filepath.Join(dir, "history.json"))
	if err = errors.Join(err, json.Unmarshal(raw, &h)); err != nil {
		t.Fatal(err)
	}
	shop := shopOf(t, openAndDie(t, dir), dir)
	ctx := context.Background()
	if err := shop.SetTerms(ctx, h.Terms, h.Now); err != nil {
		t.Fatal(err)
	}
	for {
		cursor, err := shop.Cursor(ctx)
		if err != nil {
			t.Fatal(err)
		}
		from, _ := strconv.Atoi(cursor) // none is 0
		if from == len(h.Told) {
			return
		}
		to := min(from+3, len(h.Told))
		// The ledger repeats itself, too.
		if _, err := shop.Credit(ctx, Batch{Deposits: h.Told[max(0, from-2):to], Cursor: strconv.Itoa(to)}, h.Now); err != nil {
			t.Fatal(err)
		}
		accounts, err := shop.Accounts(ctx, h.Now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := shop.Activate(ctx, accounts, h.Now); err != nil {
			t.Fatal(err)
		}
	}
}
