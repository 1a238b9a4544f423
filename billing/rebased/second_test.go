package rebased_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/billing/rebased"
	"github.com/wattgate/wattgate/billing/rebased/rebasedtest"
)

func TestTheSecondNodesFaultsHoldMoneyBackAndLoseNone(t *testing.T) {
	for name, f := range map[string]rebasedtest.Faults{
		"429":                {Status: 429},
		"busy":               {Busy: true},
		"502":                {Status: 502},
		"cut":                {Cut: 30},
		"another question":   tamper(`"id":`, `"id":1`),
		"no version":         tamper(`"2.0"`, `"1.0"`),
		"no result":          tamper(`"result":`, `"outcome":`),
		"result null":        {Tamper: func(b []byte) []byte { return append(b[:bytes.Index(b, []byte(`"result":`))], `"result":null}`...) }},
		"another digest":     tamper(`"digest":"`, `"digest":"1`),
		"odd checkpoint":     tamper(`"checkpoint":"`, `"checkpoint":"x`),
		"odd status":         tamper(`"status":"success"`, `"status":"maybe"`),
		"no sender":          tamper(`"sender":"0x`, `"sender":"0`),
		"odd amount":         tamper(`"amount":"`, `"amount":"0`),
		"no amount":          tamper(`"amount":"`, `"value":"`),
		"odd owner":          tamper(`"AddressOwner":"0x`, `"AddressOwner":"0`),
		"odd time":           tamper(`"timestampMs":"`, `"timestampMs":"-`),
		"another chain":      {Chain: "deadbeef"},
		"less":               tamper(`"amount":"5"`, `"amount":"4"`),
		"failed":             tamper(`"status":"success"`, `"status":"failure"`),
		"another sender":     {Tamper: swapSender},
		"another checkpoint": tamper(`"checkpoint":"2"`, `"checkpoint":"3"`),
		"another coin":       tamper(`0x2::iota::IOTA`, `0x2::iota::IOTB`),
		"an object":          tamper(`AddressOwner`, `ObjectOwner`),
	} {
		w := newWorld(t)
		a := w.Pay(w.payer, w.us.Address, 4)
		r := &reader{}
		r.take(t, w.ledger(t, w.both))
		l := w.ledger(t, w.both) // as after a restart
		b := w.Pay(w.payer, w.us.Address, 5)
		w.Set(rebasedtest.JSONRPC, f)
		for range 2 {
			batch, err := l.Deposits(t.Context(), r.cursor)
			if err == nil || len(batch.Deposits) > 0 {
				// The first deposit lies in the window and is asked for again; only then comes the second.
				wantIDs(t, batch.Deposits, a)
				r.store(t, batch)
			}
		}
		if _, err := l.Deposits(t.Context(), r.cursor); err == nil {
			t.Errorf("%s: no error", name)
		}
		w.Set(rebasedtest.JSONRPC, rebasedtest.Faults{})
		got := r.take(t, l)
		if len(got) == 0 || got[len(got)-1].ID != b || got[len(got)-1].Amount != 5 {
			t.Errorf("%s: then %+v, want %s", name, got, b)
		}
		if again := ids(r.take(t, l)); slices.Contains(again, b) {
			t.Errorf("%s: %v was stored already", name, again)
		}
		wantIDs(t, r.take(t, l))
	}
}

// swapSender names somebody else as the sender.
func swapSender(b []byte) []byte {
	from, to := rebasedtest.NewWallet("payer").Address, rebasedtest.NewWallet("mallory").Address
	return bytes.ReplaceAll(b, []byte(`"sender":"`+from), []byte(`"sender":"`+to))
}

func TestNodesThatDisagreeAreBothNamed(t *testing.T) {
	w := newWorld(t)
	w.Pay(w.payer, w.us.Address, 5)
	w.Set(rebasedtest.JSONRPC, tamper(`"amount":"5"`, `"amount":"50"`))
	_, err := w.ledger(t, w.both).Deposits(t.Context(), "")
	if !errors.Is(err, rebased.ErrDisagree) {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{w.GraphQL(), w.JSONRPC(), " 5 nanos", " 50 nanos"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}

func TestADepositWaitsForTheSecondNode(t *testing.T) {
	w := newWorld(t)
	inBubble(t, w, func(t *testing.T, direct func(*rebased.Options)) {
		l, r := w.ledger(t, func(o *rebased.Options) { direct(o); w.both(o) }), &reader{}
		first := w.Pay(w.payer, w.us.Address, 1)
		second := w.Pay(w.payer, w.us.Address, 2)
		third := w.Pay(w.payer, w.us.Address, 3)
		hidden := true
		w.Set(rebasedtest.JSONRPC, rebasedtest.Faults{Hide: func(d string) bool { return hidden && d == second }})
		wantIDs(t, r.take(t, l), first)
		for range 55 {
			time.Sleep(time.Second)
			w.Skip(4)
			wantIDs(t, r.take(t, l))
		}
		time.Sleep(10 * time.Second)
		w.Skip(1)
		_, err := l.Deposits(t.Context(), r.cursor)
		if !errors.Is(err, rebased.ErrUnconfirmed) || !strings.Contains(err.Error(), second) || !strings.Contains(err.Error(), "1m5s") {
			t.Errorf("after a minute: %v", err)
		}
		w.Skip(2000) // far beyond the window
		hidden = false
		wantIDs(t, r.take(t, l), second, third)
		wantIDs(t, r.take(t, l))
	})
}

func TestAnUncheckpointedAnswerIsNoConfirmation(t *testing.T) {
	w := newWorld(t)
	d := w.Pay(w.payer, w.us.Address, 5)
	l, r := w.ledger(t, w.both), &reader{}
	w.Set(rebasedtest.JSONRPC, rebasedtest.Faults{Loose: true})
	wantIDs(t, r.take(t, l))
	w.Set(rebasedtest.JSONRPC, rebasedtest.Faults{})
	wantIDs(t, r.take(t, l), d)
	// And by the first node a transaction is not seen at all before its checkpoint.
	late := w.Submit(rebasedtest.Transaction{From: w.payer, Pays: []rebasedtest.Payment{{To: w.us.Address, Amount: 6}}})
	wantIDs(t, r.take(t, l))
	w.Seal()
	wantIDs(t, r.take(t, l), late)
}

func TestABusyJSONRPCIsRetryable(t *testing.T) {
	w := newWorld(t)
	w.Pay(w.payer, w.us.Address, 5)
	w.Set(rebasedtest.JSONRPC, rebasedtest.Faults{Busy: true})
	_, err := w.ledger(t, w.both).Deposits(t.Context(), "")
	if busy, ok := errors.AsType[*rebased.BusyError](err); !ok || busy.Node != w.JSONRPC() || !strings.Contains(err.Error(), "Too many requests") {
		t.Errorf("%v", err)
	}
}

func TestTheSecondNodeBoundsAHeadThatLies(t *testing.T) {
	w := newWorld(t)
	l, r := w.ledger(t, w.both), &reader{}
	r.take(t, l)
	w.Set(rebasedtest.GraphQL, rebasedtest.Faults{Ahead: 1 << 40})
	r.take(t, l)
	r.take(t, l)
	w.Set(rebasedtest.GraphQL, rebasedtest.Faults{})
	d := w.Pay(w.payer, w.us.Address, 5)
	wantIDs(t, r.take(t, w.ledger(t, w.both)), d)
}
