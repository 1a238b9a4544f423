package billing

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestUniqueAmountIsTheReference(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceAmount)
	o := w.order(Order{Periods: 24})
	offer := w.offer()
	sealed, err := SealOrder(o, offer, newBuyer(1).key)
	w.must(err)
	v := w.place(sealed)
	w.must(CheckInvoice(v, sealed, o, offer))
	asked, err := v.Amount.Units()
	w.must(err)
	remainder := asked - 24*500_000
	if offer.ReferenceKind != ReferenceAmount || v.ReferenceKind != ReferenceAmount || v.Reference != v.Amount.Base || remainder < 1 || remainder > MaxRemainder {
		t.Fatalf("invoice %+v", v)
	}
	w.credit(w.exact(v))
	if g := w.grants(); len(g) != 1 || g[0].Seconds != int64(asked)*3600/500_000 {
		t.Errorf("grants %+v: the remainder buys time, too", g)
	}
	w.credit(w.exact(v))
	if g := w.grants(); len(g) != 1 || g[0].Seconds != int64(2*asked)*3600/500_000 {
		t.Errorf("grants %+v: paid twice is time twice", g)
	}
}

func TestNoAmountIsAskedForTwiceInThirtyDays(t *testing.T) {
	w := newWorld(t)
	const price, most = 500_000, 40
	ask := func(now time.Time) (amount Units, found bool) {
		row := orderRow{network: "rebased", amount: price, expires: ms(now.Add(openFor))}
		w.must(w.store.write(context.Background(), "ask", func(tx *sql.Tx) (err error) {
			found, err = uniqueAmount(context.Background(), tx, &row, most, now)
			return err
		}))
		return row.amount, found
	}
	seen := map[Units]bool{}
	for range most {
		amount, found := ask(w.now)
		if !found || seen[amount] || amount <= price || amount > price+most {
			t.Fatalf("asked for %d, %v, after %v", amount, found, seen)
		}
		seen[amount] = true
	}
	if amount, found := ask(w.now.Add(openFor + amountKept - time.Second)); found {
		t.Errorf("asked for %d again", amount)
	}
	if _, found := ask(w.now.Add(openFor + amountKept)); !found {
		t.Error("an amount is never free again")
	}
}

// TestAmountOfAnOrderThatWasForgottenIsStillTaken: a flood pushes unpaid orders out of the books, not their amounts; and
// what was open while the gateway was down is remembered from when it comes back.
func TestAmountOfAnOrderThatWasForgottenIsStillTaken(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceAmount)
	w.buy(newBuyer(1), Order{})
	free := func() (at int64) {
		w.must(w.store.db.QueryRow(`SELECT free_ms FROM amounts`).Scan(&at))
		return at
	}
	if got := free(); got != ms(w.now.Add(openFor+amountKept)) {
		t.Errorf("free at %v", at(got))
	}
	w.tick(10 * 24 * time.Hour) // down
	_, err := w.store.db.Exec(`DELETE FROM orders`)
	w.must(err)
	w.tick(time.Hour)
	if got := free(); got != ms(w.now.Add(amountKept-time.Hour)) {
		t.Errorf("free at %v", at(got))
	}
}

func TestAmountsUsedUpAreBusyUntilOneIsFree(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceAmount)
	free := w.now.Add(time.Hour)
	_, err := w.store.db.Exec(`INSERT INTO amounts (id, network, amount, free_ms) VALUES (1, 'rebased', 1, ?1), (?2, 'rebased', 2, ?1)`, ms(free), maxAmounts+1)
	w.must(err)
	place := func() error {
		_, err := w.shop.PlaceOrder(context.Background(), w.seal(newBuyer(3), Order{}), Origin{Transport: ByHTTP}, w.now)
		return err
	}
	err = place()
	wantCode(t, err, CodeBusy)
	if r := err.(*Refusal); !r.RetryAt.Equal(free) {
		t.Errorf("come back at %v, want %v", r.RetryAt, free)
	}
	w.now = free
	w.must(place())
}

func TestLateMoneyByAmountCountsForThirtyDays(t *testing.T) {
	for name, c := range map[string]struct {
		late     time.Duration
		credited bool
	}{"in time": {29 * 24 * time.Hour, true}, "too late": {31 * 24 * time.Hour, false}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.use(ReferenceAmount)
			v := w.buy(newBuyer(1), Order{Periods: 2})
			w.tick(openFor)
			w.terms.Price.Amount = 1_000_000
			w.must(w.shop.SetTerms(context.Background(), w.terms, w.now))
			d := w.exact(v)
			d.At = w.now.Add(c.late)
			w.now = d.At.Add(time.Minute)
			w.credit(d)
			g := w.grants()
			if !c.credited {
				if len(g) != 0 || len(w.unassigned()) != 1 {
					t.Errorf("grants %+v", g)
				}
				return
			}
			if len(g) != 1 || g[0].Seconds != int64(d.Amount)*3600/1_000_000 {
				t.Errorf("grants %+v, want the price of its time", g)
			}
		})
	}
}

func TestMoneyPaidWhileTheGatewayWasDownIsNotForgotten(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceAmount)
	v := w.buy(newBuyer(1), Order{})
	d := w.exact(v)
	w.tick(40 * 24 * time.Hour) // down; the lapse is noticed only now
	w.tick(time.Minute)
	w.credit(d)
	if g := w.grants(); len(g) != 1 {
		t.Errorf("grants %+v, unassigned %+v", g, w.unassigned())
	}
}

func TestMoneyFromBeforeAnOrderIsNotForIt(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceAmount)
	w.stock(1)
	v := w.buy(newBuyer(1), Order{})
	early := w.exact(v)
	early.At = w.now.Add(-clockSkew - time.Second)
	w.credit(early)
	if len(w.grants()) != 0 || len(w.unassigned()) != 1 {
		t.Error("an amount that was paid before it was asked for was credited")
	}
}

func TestAmountThatFitsNoneNamesTheNearest(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceAmount)
	orders := map[string]bool{}
	for i := range 4 {
		w.buy(newBuyer(byte(i+1)), Order{Periods: int64(1 + i)})
	}
	list, err := w.shop.Orders(context.Background(), 0)
	w.must(err)
	for _, o := range list {
		orders[o.Reference] = true
	}
	second := list[1]
	d := Deposit{ID: "tx-fee", Address: "0xmain", Amount: second.Amount - 2, At: w.now}
	w.credit(d)
	u := w.unassigned()
	if len(u) != 1 || !strings.Contains(u[0].Note, second.Reference+" (0.000000002 more), ") || strings.Count(u[0].Note, "wg-") != 3 {
		t.Fatalf("unassigned %+v", u)
	}
	changes, err := w.shop.Assign(context.Background(), u[0].ID, second.Reference, w.now)
	w.must(err)
	if len(changes) != 1 || changes[0].Kind != ChangeGranted {
		t.Errorf("changes %+v: an exchange's fee within the remainder is no part of the price", changes)
	}
}

func TestPartPaymentsOfAnAmountDoNotAddUpByThemselves(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceAmount)
	v := w.buy(newBuyer(1), Order{})
	half := w.exact(v)
	half.Amount /= 2
	rest := w.exact(v)
	rest.Amount -= half.Amount
	w.credit(half, rest)
	if len(w.grants()) != 0 || len(w.unassigned()) != 2 {
		t.Errorf("grants %+v", w.grants())
	}
}

func TestPoolServesWhenAmountsAreUsedUp(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceAmount)
	w.stock(1)
	offer := w.offer()
	w.openByMQTT(maxOpenTransport)
	o := w.order(Order{Username: "alice"})
	sealed, err := SealOrder(o, offer, newBuyer(1).key)
	w.must(err)
	v := w.place(sealed)
	w.must(CheckInvoice(v, sealed, o, offer))
	if v.ReferenceKind != ReferenceAddress || v.Address != "0xpool-0" || v.Reference != v.Address || v.Amount.Base != "500000" {
		t.Fatalf("invoice %+v", v)
	}
	_, err = w.shop.PlaceOrder(context.Background(), w.seal(newBuyer(2), Order{}), Origin{Transport: ByMQTT}, w.now)
	wantCode(t, err, CodeBusy)
	if r := err.(*Refusal); !r.RetryAt.Equal(w.now.Add(openFor)) {
		t.Errorf("come back at %v", r.RetryAt)
	}
	w.must(err2(w.shop.PlaceOrder(context.Background(), w.seal(newBuyer(2), Order{}), Origin{Transport: ByHTTP}, w.now)))
	part := w.exact(v)
	part.Amount = 200_000
	rest := w.exact(v)
	rest.Amount = 300_000
	w.credit(part)
	if state, _ := w.state(v.Hash); state != StatePartPaid {
		t.Errorf("half paid, it is %s", state)
	}
	w.credit(rest)
	if g := w.grants(); len(g) != 1 || g[0].Username != "alice" || g[0].Seconds != 3600 {
		t.Errorf("grants %+v", g)
	}
	if left, all, err := w.shop.AddressesLeft(context.Background(), w.now.Add(100*365*24*time.Hour)); err != nil || left != 0 || all != 1 {
		t.Errorf("%d of %d are left, %v: money came, it is never given away again", left, all, err)
	}
}

// openByMQTT puts so many open orders of amounts into the books, without the cost of sealing them.
func (w *world) openByMQTT(n int) {
	w.t.Helper()
	_, err := w.store.db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
		INSERT INTO orders (hash, order_id, buyer_key, network, address, reference, topics, price_id, periods, amount, state,
		username, chosen, reply_to, refund_address, transport, addr, placed_ms, expires_ms, kind)
		SELECT 'quick-' || i, i, 'k', ?2, ?3, 'wg-quick-' || i, '[]', (SELECT max(id) FROM prices), 1, 2000000000 + i, 'open', 'quick', 0, '', '', 'mqtt', '', ?4, ?5, 'amount' FROM n`,
		n, w.terms.Network.Name, w.terms.Network.Address, ms(w.now), ms(w.now.Add(openFor)))
	w.must(err)
}

func TestNobodyTakesThePoolByHimself(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceAddress)
	w.stock(10)
	at := Origin{Transport: ByHTTP, Addr: "192.0.2.7"}
	for i := range maxOpenByAddr {
		w.must(err2(w.shop.PlaceOrder(context.Background(), w.seal(newBuyer(byte(i+1)), Order{}), at, w.now)))
	}
	_, err := w.shop.PlaceOrder(context.Background(), w.seal(newBuyer(9), Order{}), at, w.now)
	wantCode(t, err, CodeBusy)
	if left, all, err := w.shop.AddressesLeft(context.Background(), w.now); err != nil || left != 5 || all != 10 {
		t.Errorf("%d of %d are left, %v", left, all, err)
	}
}

func TestUnpaidAddressIsUsedAgainAfterItsMemory(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceAddress)
	w.stock(1)
	first := w.buy(newBuyer(1), Order{})
	late := w.exact(first)
	late.At = w.now.Add(openFor)
	w.tick(openFor)
	w.tick(addressKept - time.Second)
	_, err := w.shop.PlaceOrder(context.Background(), w.seal(newBuyer(2), Order{}), Origin{Transport: ByMQTT}, w.now)
	wantCode(t, err, CodeBusy)
	if r := err.(*Refusal); !r.RetryAt.Equal(w.now.Add(time.Second)) {
		t.Errorf("come back at %v, it is %v", r.RetryAt, w.now)
	}
	w.tick(time.Second)
	second := w.buy(newBuyer(2), Order{})
	if second.Address != first.Address {
		t.Fatalf("%s after %s", second.Address, first.Address)
	}
	w.credit(late) // seen after all that time
	if len(w.grants()) != 0 || len(w.unassigned()) != 1 {
		t.Errorf("the second buyer has got the first one's money: %+v", w.grants())
	}
	w.credit(w.exact(second))
	if g := w.grants(); len(g) != 1 {
		t.Errorf("grants %+v", g)
	}
}

func TestImportTakesAllOrNothing(t *testing.T) {
	w := newWorld(t)
	w.use(ReferenceAddress)
	ctx := context.Background()
	check := func(a string) error {
		if strings.HasPrefix(a, "iotaprivkey") {
			return fmt.Errorf("this is a key that can spend")
		}
		return nil
	}
	for _, list := range [][]string{{"0xgood", "iotaprivkey1"}, {"0xgood", "0xmain"}, {"0xgood", "two\nlines"}, {"0xgood", ""}} {
		_, err := w.shop.ImportAddresses(ctx, list, check, w.now)
		wantCode(t, err, CodeInvalid)
		if !strings.Contains(err.Error(), "line 2") || strings.Contains(err.Error(), "privkey1") {
			t.Errorf("%q: %v", list, err)
		}
	}
	_, err := w.shop.ImportAddresses(ctx, make([]string, maxImport+1), check, w.now)
	wantCode(t, err, CodeInvalid)
	for _, want := range []int{2, 0} {
		if n, err := w.shop.ImportAddresses(ctx, []string{"0xone", "0xtwo"}, check, w.now); err != nil || n != want {
			t.Errorf("%d are new, %v, want %d", n, err, want)
		}
	}
	v := w.buy(newBuyer(1), Order{})
	list, err := w.shop.Addresses(ctx, 0)
	w.must(err)
	if len(list) != 2 || list[0].Order != v.Hash || list[0].Address != v.Address || list[0].Paid || list[1].Order != "" || !list[1].Free.IsZero() {
		t.Errorf("%+v", list)
	}
	all, err := w.shop.Receiving(ctx)
	if err != nil || strings.Join(all, " ") != "0xmain 0xone 0xtwo" {
		t.Errorf("watch %v, %v", all, err)
	}
}

func TestInvoiceAsksForNoMoreThanTheOfferSays(t *testing.T) {
	w := newWorld(t)
	tagged := w.offer()
	w.use(ReferenceAmount)
	byAmount := w.offer()
	o := w.order(Order{})
	sealed, err := SealOrder(o, byAmount, newBuyer(1).key)
	w.must(err)
	good := w.place(sealed)
	for name, c := range map[string]struct {
		change func(*Invoice)
		ok     bool
	}{
		"as asked":          {func(*Invoice) {}, true},
		"the most":          {func(v *Invoice) { v.Amount = moneyOf(500_000+MaxRemainder, 9); v.Reference = v.Amount.Base }, true},
		"too much":          {func(v *Invoice) { v.Amount = moneyOf(500_001+MaxRemainder, 9); v.Reference = v.Amount.Base }, false},
		"no remainder":      {func(v *Invoice) { v.Amount = moneyOf(500_000, 9); v.Reference = v.Amount.Base }, false},
		"another reference": {func(v *Invoice) { v.Reference += "0" }, false},
		"an address": {func(v *Invoice) {
			v.ReferenceKind, v.Reference = ReferenceAddress, v.Address
			v.Amount = moneyOf(500_000, 9)
		}, true},
		"an address for more":   {func(v *Invoice) { v.ReferenceKind, v.Reference = ReferenceAddress, v.Address }, false},
		"another address":       {func(v *Invoice) { v.ReferenceKind = ReferenceAddress; v.Amount = moneyOf(500_000, 9) }, false},
		"a tag for more":        {func(v *Invoice) { v.ReferenceKind = ReferenceTag }, false},
		"a kind of the future":  {func(v *Invoice) { v.ReferenceKind = "dna" }, false},
		"of an old gateway, up": {func(v *Invoice) { v.ReferenceKind = "" }, false},
	} {
		v := good
		c.change(&v)
		if err := CheckInvoice(v, sealed, o, byAmount); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	tagged.Network, tagged.Products = byAmount.Network, byAmount.Products
	if err := CheckInvoice(good, sealed, o, tagged); err == nil {
		t.Error("an offer of tags was billed by amount")
	}
}
