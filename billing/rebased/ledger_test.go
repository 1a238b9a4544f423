package rebased_test

import (
	"context"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/rebased"
	"github.com/wattgate/wattgate/billing/rebased/rebasedtest"
)

func TestADepositTellsItsTransaction(t *testing.T) {
	begin := time.Date(2026, 11, 24, 12, 0, 0, 123e6, time.UTC)
	s, err := rebasedtest.Start(rebasedtest.Options{Begin: begin})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := world{s, rebasedtest.NewWallet("us"), rebasedtest.NewWallet("payer")}
	digest := w.Pay(w.payer, w.us.Address, 12_034_567)
	for name, change := range map[string]func(*rebased.Options){"one node": nil, "two nodes": w.both} {
		l := w.ledger(t, change)
		got := (&reader{}).take(t, l)
		want := billing.Deposit{ID: digest, Address: w.us.Address, Sender: w.payer.Address, Amount: 12_034_567, At: begin.Add(250 * time.Millisecond)}
		if len(got) != 1 || got[0].ID != want.ID || got[0].Address != want.Address || got[0].Sender != want.Sender || got[0].Amount != want.Amount ||
			!got[0].At.Equal(want.At) || got[0].Hold != "" {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		if h, err := l.Head(t.Context()); err != nil || h.Sequence != 1 || !h.At.Equal(want.At) {
			t.Errorf("%s: head %+v, %v", name, h, err)
		}
		if id, err := l.Identity(t.Context()); id != rebasedtest.Chain || err != nil {
			t.Errorf("%s: identity %q, %v", name, id, err)
		}
	}
}

// What looks like a payment and is none.
func TestOnlyMoneyFromOthersIsADeposit(t *testing.T) {
	w := newWorld(t)
	us, payer := w.us.Address, w.payer
	note := func(c ...rebasedtest.Change) rebasedtest.Transaction {
		return rebasedtest.Transaction{From: payer, Changes: c}
	}
	const usdc = "0x168da5bf1f48dafc111b0a488fa454aca95e0b5e168da5bf1f48dafc111b0a48::usdc::USDC"
	for name, tx := range map[string]rebasedtest.Transaction{
		"failed":            {From: payer, Pays: []rebasedtest.Payment{{To: us, Amount: 5}}, Failed: true, Changes: []rebasedtest.Change{{Owner: us, Coin: rebasedtest.IOTA, Amount: "5"}}},
		"own sweep":         {From: w.us, Pays: []rebasedtest.Payment{{To: us, Amount: 7_000_000}}},
		"own rebate":        {From: w.us, Rebate: 9_000_000},
		"foreign coin":      note(rebasedtest.Change{Owner: us, Coin: usdc, Amount: "1000000000"}),
		"another package":   note(rebasedtest.Change{Owner: us, Coin: strings.Replace(rebasedtest.IOTA, "2::", "20::", 1), Amount: "9"}),
		"other letters":     note(rebasedtest.Change{Owner: us, Coin: strings.Replace(rebasedtest.IOTA, "IOTA", "IОTA", 1), Amount: "9"}),
		"other case":        note(rebasedtest.Change{Owner: us, Coin: "0x2::IOTA::IOTA", Amount: "9"}),
		"type argument":     note(rebasedtest.Change{Owner: us, Coin: "0x2::coin::Coin<0x2::iota::IOTA>", Amount: "9"}),
		"blank":             note(rebasedtest.Change{Owner: us, Coin: " 0x2::iota::IOTA", Amount: "9"}),
		"staked":            note(rebasedtest.Change{Owner: us, Coin: "0x3::staking_pool::StakedIota", Amount: "9"}),
		"hostile type":      note(rebasedtest.Change{Owner: us, Coin: "<script>\x1b[2J\u202e0x2::iota::IOTA", Amount: "9"}),
		"an object":         note(rebasedtest.Change{Owner: us, Object: true, Coin: rebasedtest.IOTA, Amount: "9"}),
		"shared":            note(rebasedtest.Change{Coin: rebasedtest.IOTA, Amount: "9"}),
		"somebody else":     {From: payer, Pays: []rebasedtest.Payment{{To: rebasedtest.NewWallet("she").Address, Amount: 9}}, Changes: []rebasedtest.Change{{Owner: us, Coin: usdc, Amount: "1"}}},
		"less than nothing": note(rebasedtest.Change{Owner: us, Coin: rebasedtest.IOTA, Amount: "-9"}),
		"nothing, net":      note(rebasedtest.Change{Owner: us, Coin: rebasedtest.IOTA, Amount: "9"}, rebasedtest.Change{Owner: us, Coin: rebasedtest.IOTA, Amount: "-9"}),
		"nothing":           note(rebasedtest.Change{Owner: us, Coin: rebasedtest.IOTA, Amount: "0"}),
	} {
		w.submit(tx)
		if got := (&reader{}).take(t, w.ledger(t, nil)); len(got) != 0 {
			t.Fatalf("%s: %+v", name, got)
		}
	}
	last := w.Pay(payer, us, 1)
	wantIDs(t, (&reader{}).take(t, w.ledger(t, nil)), last)
	wantIDs(t, (&reader{}).take(t, w.ledger(t, w.both)), last)
}

// A payer who gains by his own transaction, from freed storage, was not paid by it.
func TestARebateMakesNobodyARecipient(t *testing.T) {
	w := newWorld(t)
	d := w.submit(rebasedtest.Transaction{From: w.payer, Pays: []rebasedtest.Payment{{To: w.us.Address, Amount: 5}}, Rebate: 90_000_000})
	wantIDs(t, (&reader{}).take(t, w.ledger(t, w.both)), d)
}

func TestChangesOfOneAddressAddUp(t *testing.T) {
	w := newWorld(t)
	iota := func(owner, amount string) rebasedtest.Change {
		return rebasedtest.Change{Owner: owner, Coin: rebasedtest.IOTA, Amount: amount}
	}
	short := rebasedtest.Change{Owner: w.us.Address, Coin: "0x2::iota::IOTA", Amount: "30"}
	d := w.submit(rebasedtest.Transaction{From: w.payer, Pays: []rebasedtest.Payment{{To: w.us.Address, Amount: 500}},
		Changes: []rebasedtest.Change{iota(w.us.Address, "-80"), short, {Owner: w.us.Address, Coin: "0x9::x::X", Amount: "1" + strings.Repeat("0", 30)}}})
	got := (&reader{}).take(t, w.ledger(t, w.both))
	wantIDs(t, got, d)
	if got[0].Amount != 450 {
		t.Errorf("%d, want 500 - 80 + 30", got[0].Amount)
	}
}

func TestATransactionThatPaysManyIsReadToItsEnd(t *testing.T) {
	w := newWorld(t)
	var pays []rebasedtest.Payment
	for i := range 130 {
		pays = append(pays, rebasedtest.Payment{To: rebasedtest.NewWallet(string(rune('A' + i))).Address, Amount: uint64(i + 1)})
	}
	pays = append(pays, rebasedtest.Payment{To: w.us.Address, Amount: 777})
	d := w.submit(rebasedtest.Transaction{From: w.payer, Pays: pays})
	got := (&reader{}).take(t, w.ledger(t, w.both))
	// Others were paid too, so the address tells this part of the transaction from theirs.
	wantIDs(t, got, d+":"+w.us.Address)
	if got[0].Amount != 777 {
		t.Errorf("amount %d", got[0].Amount)
	}
}

// One transaction may pay the address of the offer and one of the pool: two deposits, never one twice.
func TestEachAddressOfThePoolIsWatched(t *testing.T) {
	w := newWorld(t)
	var pool []string
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		pool = append(pool, rebasedtest.NewWallet("pool "+name).Address)
	}
	others := func(o *rebased.Options) {
		o.Others = func(context.Context) ([]string, error) { return append(pool, w.us.Address), nil }
	}
	l, r := w.ledger(t, others), &reader{}
	r.take(t, l)
	one := w.Pay(w.payer, pool[5], 10)
	both := w.submit(rebasedtest.Transaction{From: w.payer, Pays: []rebasedtest.Payment{{To: w.us.Address, Amount: 1}, {To: pool[0], Amount: 2}}})
	sweep := rebasedtest.Transaction{From: rebasedtest.NewWallet("pool f"), Pays: []rebasedtest.Payment{{To: w.us.Address, Amount: 9}}}
	w.submit(sweep) // from one address of ours to another
	last := w.Pay(w.payer, w.us.Address, 3)
	wantIDs(t, r.take(t, l), one, both+":"+w.us.Address, both+":"+pool[0], last)
	// What an ID is does not depend on which address is the main one.
	moved := w.ledger(t, func(o *rebased.Options) { o.Address = pool[0] })
	wantIDs(t, (&reader{}).take(t, moved), both+":"+pool[0])
}

func TestAmountsThatCannotBeAreErrors(t *testing.T) {
	for name, amount := range map[string]string{
		"too large":   new(big.Int).Lsh(big.NewInt(1), 63).String(),
		"huge":        strings.Repeat("9", 41),
		"exponent":    "1e9",
		"fraction":    "1.5",
		"plus":        "+5",
		"hexadecimal": "0x10",
		"blank":       "5 ",
		"zeros":       "007",
		"empty":       "",
	} {
		w := newWorld(t)
		w.submit(rebasedtest.Transaction{From: w.payer, Changes: []rebasedtest.Change{{Owner: w.us.Address, Coin: rebasedtest.IOTA, Amount: amount}}})
		if b, err := w.ledger(t, nil).Deposits(t.Context(), ""); err == nil {
			t.Errorf("%s: %+v", name, b)
		}
	}
	w := newWorld(t)
	w.Pay(w.payer, w.us.Address, 1<<63-1)
	if got := (&reader{}).take(t, w.ledger(t, w.both)); len(got) != 1 || got[0].Amount != 1<<63-1 {
		t.Errorf("the largest amount: %+v", got)
	}
}

// Three hundred payments, sixty in one checkpoint, in pages of fifty: in sequence, each once.
func TestPagesNeitherSkipNorRepeat(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 300 {
		want = append(want, w.Submit(rebasedtest.Transaction{From: w.payer, Pays: []rebasedtest.Payment{{To: w.us.Address, Amount: uint64(i + 1)}}}))
		if i%3 == 0 && (i < 100 || i > 160) {
			w.Seal()
		}
	}
	w.Skip(300)
	for name, f := range map[string]rebasedtest.Faults{"full pages": {}, "small pages": {PageSize: 7}, "scanned pages": {Scan: 33}} {
		w.Set(rebasedtest.GraphQL, f)
		r := &reader{}
		r.take(t, w.ledger(t, nil))
		if !slices.Equal(ids(r.deposits), want) {
			t.Errorf("%s: %d deposits, want %d in sequence", name, len(r.deposits), len(want))
		}
	}
}

func TestAQuietGatewayDoesNotWriteEachSecond(t *testing.T) {
	w := newWorld(t)
	l, r := w.ledger(t, w.both), &reader{}
	r.take(t, l)
	r.take(t, l)
	cursors := map[string]bool{}
	for range 100 {
		w.Skip(10)
		r.take(t, l)
		cursors[r.cursor] = true
	}
	if len(cursors) > 3 {
		t.Errorf("%d cursors over 1,000 empty checkpoints", len(cursors))
	}
	if len(cursors) < 2 {
		t.Error("the cursor never moves: it would be pruned away")
	}
	d := w.Pay(w.payer, w.us.Address, 5)
	wantIDs(t, r.take(t, l), d)
}

// An indexer writes a row late, behind our cursor.
func TestARowThatCameLateIsFound(t *testing.T) {
	w := newWorld(t)
	l, r := w.ledger(t, nil), &reader{}
	late := w.Pay(w.payer, w.us.Address, 1)
	w.Set(rebasedtest.GraphQL, rebasedtest.Faults{Hide: func(d string) bool { return d == late }})
	w.Skip(5)
	early := w.Pay(w.payer, w.us.Address, 2)
	wantIDs(t, r.take(t, l), early)
	w.Skip(60)
	r.take(t, l)
	w.Set(rebasedtest.GraphQL, rebasedtest.Faults{})
	for range 2 { // storing it fails at first
		b, err := l.Deposits(t.Context(), r.cursor)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(ids(b.Deposits), late) {
			t.Fatalf("%v without %s", ids(b.Deposits), late)
		}
	}
	if got := ids(r.take(t, l)); !slices.Contains(got, late) {
		t.Errorf("%v without %s", got, late)
	}
	wantIDs(t, r.take(t, l))
}

// An address whose page ends later than another's must not get ahead of it.
func TestAddressesArePassedTogether(t *testing.T) {
	w := newWorld(t)
	pool := rebasedtest.NewWallet("pool").Address
	var want []string
	for i := range 180 {
		to := w.us.Address
		if i%40 == 39 {
			to = pool
		}
		want = append(want, w.Pay(w.payer, to, uint64(i+1)))
	}
	l := w.ledger(t, func(o *rebased.Options) {
		o.Others = func(context.Context) ([]string, error) { return []string{pool}, nil }
	})
	wantIDs(t, (&reader{}).take(t, l), want...)
}

// What was listed and not stored, because the gateway died or its disk was full, is listed again; what was stored is not.
func TestWhatWasNotStoredIsListedAgain(t *testing.T) {
	w := newWorld(t)
	l, r := w.ledger(t, nil), &reader{}
	a := w.Pay(w.payer, w.us.Address, 1)
	r.take(t, l)
	b := w.Pay(w.payer, w.us.Address, 2)
	for range 3 { // each time as if storing it had failed
		lost, err := l.Deposits(t.Context(), r.cursor)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(ids(lost.Deposits), b) {
			t.Fatalf("a deposit that was not stored is gone: %v", ids(lost.Deposits))
		}
	}
	r.take(t, l)
	wantIDs(t, r.take(t, l))
	// A database that was restored is older than what the instance remembers.
	got := (&reader{}).take(t, l)
	wantIDs(t, got, a, b)
}

// A wallet that is older than the gateway has a history that nobody waits for.
func TestWhatArrivedBeforeIsLeftOut(t *testing.T) {
	w := newWorld(t)
	old := w.Pay(w.payer, w.us.Address, 1)
	w.Skip(10)
	since, err := w.ledger(t, nil).Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.Set(rebasedtest.JSONRPC, rebasedtest.Faults{Hide: func(d string) bool { return d == old }})
	d := w.Pay(w.payer, w.us.Address, 2)
	l := w.ledger(t, func(o *rebased.Options) { w.both(o); o.Since = since.At })
	r := &reader{}
	wantIDs(t, r.take(t, l), d)
	// Restored from a backup, the gateway believes that it was set up just now: what came in between is not left out.
	missed := w.Pay(w.payer, w.us.Address, 3)
	w.Skip(10)
	restored := w.ledger(t, func(o *rebased.Options) { o.Since = time.Now().Add(time.Hour) })
	wantIDs(t, r.take(t, restored), d, missed)
	// A clock that is ahead leaves out nothing that comes after the first look.
	ahead, fresh := w.ledger(t, func(o *rebased.Options) { o.Since = time.Now().Add(1000 * time.Hour) }), &reader{}
	wantIDs(t, fresh.take(t, ahead))
	last := w.Pay(w.payer, w.us.Address, 4)
	wantIDs(t, fresh.take(t, ahead), last)
}

func TestACursorOfAnotherKindIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, c := range []string{"17", "r1:x:1", "r1::1:1", "r1:7e57c0de:1:0", "r1:7e57c0de:-1:0:0", "r1:7e57c0de:99999999999999999999:0:0", "r2:7e57c0de:1:0:0", "r1:7e57c0de:1:0:x", "r1:7e57c0de:1:0:-1", "r1:7e57c0de:1:0:0:0", strings.Repeat("9", 600)} {
		if b, err := w.ledger(t, nil).Deposits(t.Context(), c); err == nil || !strings.Contains(err.Error(), "cursor") {
			t.Errorf("%.40q: %+v, %v", c, b, err)
		}
	}
}
