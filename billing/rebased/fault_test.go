package rebased_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/rebased"
	"github.com/wattgate/wattgate/billing/rebased/rebasedtest"
)

// Whatever a node does, a call fails or tells the truth, and once it behaves again nothing is lost and nothing listed that
// was stored.
func TestFaultsNeitherLoseNorInvent(t *testing.T) {
	noise := []byte(`{"data":{"chainIdentifier":"7e57c0de"}}`)
	for name, f := range map[string]rebasedtest.Faults{
		"429":              {Status: 429},
		"500":              {Status: 500, Body: []byte("<html>no")},
		"503":              {Status: 503},
		"404":              {Status: 404, Body: []byte("\x1b[2Jnot here")},
		"moved":            {Status: 308},
		"its own error":    {Error: "Request timed out.\x1b[31m\n" + strings.Repeat("x", 5000)},
		"cut":              {Cut: 40},
		"half":             {Body: noise},
		"no JSON":          {Body: []byte("hello")},
		"empty":            {Body: []byte{}},
		"null":             {Body: []byte("null")},
		"no data":          {Body: []byte(`{"data":null}`)},
		"a list":           {Body: []byte(`[]`)},
		"huge":             {Body: append([]byte(`{"data":"`), bytes.Repeat([]byte("x"), 5<<20)...)},
		"padded":           {Tamper: func(b []byte) []byte { return append(b, bytes.Repeat([]byte(" "), 5<<20)...) }},
		"odd chain":        {Chain: "7e57\nc0de"},
		"long chain":       {Chain: strings.Repeat("7", 100)},
		"field missing":    tamper(`"hasNextPage"`, `"hasMore"`),
		"field too many":   tamper(`"amount"`, `"value":"1","amount"`),
		"amount a number":  tamper(`"amount":"5"`, `"amount":5`),
		"no digest":        tamper(`"digest":"`, `"digest":"0`),
		"digest null":      tamper(`"digest":"`, `"digest":null,"x":"`),
		"odd status":       tamper(`"SUCCESS"`, `"PENDING"`),
		"status null":      tamper(`"status":"SUCCESS"`, `"status":null`),
		"no checkpoint":    tamper(`"checkpoint":{`, `"checkpoint":null,"was":{`),
		"checkpoint text":  tamper(`"sequenceNumber":2`, `"sequenceNumber":"2"`),
		"negative":         tamper(`"sequenceNumber":`, `"sequenceNumber":-`),
		"odd time":         tamper(`"timestamp":"2`, `"timestamp":"x`),
		"no owner address": tamper(`"owner":{"address":"0x`, `"owner":{"address":"0`),
		"no end":           tamper(`"hasNextPage":false`, `"hasNextPage":true`),
		"end without text": tamper(`"hasNextPage":false,"endCursor":"`, `"hasNextPage":true,"endCursor":null,"x":"`),
		"goes on":          {Tamper: func(b []byte) []byte { return append(b, b...) }},
	} {
		w := newWorld(t)
		l, r := w.ledger(t, nil), &reader{}
		a := w.Pay(w.payer, w.us.Address, 4)
		r.take(t, l)
		b := w.Pay(w.payer, w.us.Address, 5)
		before := r.cursor
		w.Set(rebasedtest.GraphQL, f)
		for range 2 {
			if batch, err := l.Deposits(t.Context(), r.cursor); err == nil {
				t.Errorf("%s: %+v without an error", name, batch)
			} else if text := err.Error(); len(text) > 600 || strings.ContainsAny(text, "\x1b\n") {
				t.Errorf("%s: an error for the log of %d bytes: %q", name, len(text), text)
			}
		}
		w.Set(rebasedtest.GraphQL, rebasedtest.Faults{})
		wantIDs(t, r.take(t, l), b)
		if r.cursor == before {
			t.Errorf("%s: the cursor does not move any more", name)
		}
		wantIDs(t, r.deposits, a, b)
	}
}

func tamper(old, new string) rebasedtest.Faults {
	return rebasedtest.Faults{Tamper: func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(old), []byte(new)) }}
}

// In a bubble, so that a minute passes at once.
func inBubble(t *testing.T, w world, test func(t *testing.T, direct func(*rebased.Options))) {
	synctest.Test(t, func(t *testing.T) {
		test(t, func(o *rebased.Options) { o.HTTP = w.Client() })
	})
}

func TestABusyNodeIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		header string
		wait   time.Duration
	}{
		"seconds":   {"30", 30 * time.Second},
		"too long":  {"86400", rebased.MaxWait},
		"nonsense":  {"soon", 0},
		"negative":  {"-5", 0},
		"no header": {"", 0},
	} {
		inBubble(t, w, func(t *testing.T, direct func(*rebased.Options)) {
			l := w.ledger(t, direct)
			w.Set(rebasedtest.GraphQL, rebasedtest.Faults{Status: 429, RetryAfter: c.header})
			_, err := l.Deposits(t.Context(), "")
			busy, ok := errors.AsType[*rebased.BusyError](err)
			if !ok || busy.RetryAfter() != c.wait || busy.Node != w.GraphQL() {
				t.Fatalf("%s: %v", name, err)
			}
			w.Set(rebasedtest.GraphQL, rebasedtest.Faults{})
			asked := w.Requests(rebasedtest.GraphQL)
			if c.wait > 0 {
				time.Sleep(c.wait - time.Second)
				_, err := l.Deposits(t.Context(), "")
				if again, ok := errors.AsType[*rebased.BusyError](err); !ok || again.Wait != time.Second || w.Requests(rebasedtest.GraphQL) != asked {
					t.Errorf("%s: it was asked again too early: %v", name, err)
				}
				time.Sleep(time.Second)
			}
			if _, err := l.Deposits(t.Context(), ""); err != nil {
				t.Errorf("%s: then %v", name, err)
			}
		})
	}
	w.Set(rebasedtest.GraphQL, rebasedtest.Faults{Status: 503, RetryAfter: time.Now().Add(45 * time.Second).UTC().Format(http.TimeFormat)})
	_, err := w.ledger(t, nil).Head(t.Context())
	if busy, ok := errors.AsType[*rebased.BusyError](err); !ok || busy.Wait < 40*time.Second || busy.Wait > 46*time.Second {
		t.Errorf("a date: %v", err)
	}
}

func TestAnotherChainBehindTheSameURLIsNoticed(t *testing.T) {
	w := newWorld(t)
	l, r := w.ledger(t, nil), &reader{}
	r.take(t, l)
	w.Set(rebasedtest.GraphQL, rebasedtest.Faults{Chain: "deadbeef"})
	d := w.Pay(w.payer, w.us.Address, 5)
	for what, try := range map[string]func(*rebased.Ledger) error{
		"Deposits": func(l *rebased.Ledger) error { _, err := l.Deposits(t.Context(), r.cursor); return err },
		"Head":     func(l *rebased.Ledger) error { _, err := l.Head(t.Context()); return err },
		"Identity": func(l *rebased.Ledger) error { _, err := l.Identity(t.Context()); return err },
	} {
		if err := try(l); !errors.Is(err, rebased.ErrOtherChain) || !strings.Contains(err.Error(), "deadbeef") {
			t.Errorf("%s: %v", what, err)
		}
	}
	// A cursor belongs to its chain, also after a restart.
	if _, err := w.ledger(t, nil).Deposits(t.Context(), r.cursor); !errors.Is(err, rebased.ErrOtherChain) {
		t.Errorf("after a restart: %v", err)
	}
	w.Set(rebasedtest.GraphQL, rebasedtest.Faults{})
	wantIDs(t, r.take(t, l), d)
}

func TestAHeadThatFallsBackIsNoticed(t *testing.T) {
	w := newWorld(t)
	inBubble(t, w, func(t *testing.T, direct func(*rebased.Options)) {
		l, r := w.ledger(t, direct), &reader{}
		w.Skip(1000)
		d := w.Pay(w.payer, w.us.Address, 5)
		wantIDs(t, r.take(t, l), d)
		top, _ := l.Head(t.Context())
		w.Set(rebasedtest.GraphQL, rebasedtest.Faults{Behind: 50}) // replicas are never in step
		wantIDs(t, r.take(t, l))
		if h, err := l.Head(t.Context()); err != nil || h.Sequence != top.Sequence {
			t.Errorf("a little behind: %+v, %v", h, err)
		}
		w.Set(rebasedtest.GraphQL, rebasedtest.Faults{Behind: 500})
		before := r.cursor
		if _, err := l.Deposits(t.Context(), r.cursor); !errors.Is(err, rebased.ErrBehind) {
			t.Errorf("far behind: %v", err)
		}
		if _, err := l.Head(t.Context()); !errors.Is(err, rebased.ErrBehind) {
			t.Errorf("far behind, head: %v", err)
		}
		// A new instance has seen no head, but the cursor has.
		if _, err := w.ledger(t, direct).Deposits(t.Context(), r.cursor); !errors.Is(err, rebased.ErrBehind) {
			t.Errorf("far behind, after a restart: %v", err)
		}
		w.Set(rebasedtest.GraphQL, rebasedtest.Faults{})
		e := w.Pay(w.payer, w.us.Address, 6)
		wantIDs(t, r.take(t, l), e)
		if r.cursor == before {
			t.Error("the cursor stays")
		}
	})
}

// One answer with a head that cannot be must not carry the cursor there, or the truth would be behind for ever.
func TestAHeadFarAheadDoesNotMoveTheCursor(t *testing.T) {
	w := newWorld(t)
	inBubble(t, w, func(t *testing.T, direct func(*rebased.Options)) {
		l, r := w.ledger(t, direct), &reader{}
		r.take(t, l)
		w.Set(rebasedtest.GraphQL, rebasedtest.Faults{Ahead: 1 << 40})
		r.take(t, l)
		w.Set(rebasedtest.GraphQL, rebasedtest.Faults{})
		d := w.Pay(w.payer, w.us.Address, 5)
		if _, err := l.Deposits(t.Context(), r.cursor); !errors.Is(err, rebased.ErrBehind) {
			t.Errorf("the first truth: %v", err)
		}
		time.Sleep(11 * time.Minute)
		wantIDs(t, r.take(t, l), d)
	})
}

func TestAHeadThatStandsStillIsNoticed(t *testing.T) {
	w := newWorld(t)
	inBubble(t, w, func(t *testing.T, direct func(*rebased.Options)) {
		l, r := w.ledger(t, direct), &reader{}
		r.take(t, l)
		time.Sleep(59 * time.Second)
		r.take(t, l)
		time.Sleep(2 * time.Second)
		if _, err := l.Deposits(t.Context(), r.cursor); !errors.Is(err, rebased.ErrStalled) || !strings.Contains(err.Error(), "1m1s") {
			t.Errorf("%v", err)
		}
		w.Seal()
		r.take(t, l)
	})
}

func TestPrunedHistoryIsAnError(t *testing.T) {
	w := newWorld(t)
	l, r := w.ledger(t, nil), &reader{}
	w.Skip(10)
	a := w.Pay(w.payer, w.us.Address, 5)
	wantIDs(t, r.take(t, l), a)
	w.Skip(100)
	w.Set(rebasedtest.GraphQL, rebasedtest.Faults{Pruned: 50})
	if _, err := l.Deposits(t.Context(), r.cursor); !errors.Is(err, rebased.ErrPruned) || !strings.Contains(err.Error(), "before checkpoint 50") {
		t.Errorf("%v", err)
	}
	// Who begins, begins where the node begins.
	b := w.Pay(w.payer, w.us.Address, 6)
	fresh := &reader{}
	wantIDs(t, fresh.take(t, w.ledger(t, nil)), b)
	w.Set(rebasedtest.GraphQL, rebasedtest.Faults{})
	wantIDs(t, r.take(t, l), b)
}

func TestASlowNodeIsGivenUp(t *testing.T) {
	w := newWorld(t)
	inBubble(t, w, func(t *testing.T, direct func(*rebased.Options)) {
		w.Set(rebasedtest.GraphQL, rebasedtest.Faults{Delay: time.Hour})
		began := time.Now()
		_, err := w.ledger(t, direct).Deposits(t.Context(), "")
		if took := time.Since(began); err == nil || took < 5*time.Second || took > 30*time.Second {
			t.Errorf("after %s: %v", took, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if _, err := w.ledger(t, direct).Deposits(ctx, ""); err == nil || time.Since(began) != time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

// A node that sends us elsewhere is not followed: the owner named it and no other.
func TestNoRedirectIsFollowed(t *testing.T) {
	w := newWorld(t)
	for _, status := range []int{301, 302, 307, 308} {
		away := httptest.NewServer(http.RedirectHandler(w.GraphQL(), status))
		defer away.Close()
		before := w.Requests(rebasedtest.GraphQL)
		l := w.ledger(t, func(o *rebased.Options) { o.Node = away.URL })
		if _, err := l.Deposits(t.Context(), ""); err == nil || w.Requests(rebasedtest.GraphQL) != before {
			t.Errorf("%d: %v, asked %d times", status, err, w.Requests(rebasedtest.GraphQL)-before)
		}
	}
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	good := rebased.Options{Node: "https://graphql.example.net/", Address: rebasedtest.NewWallet("us").Address}
	for name, change := range map[string]func(*rebased.Options){
		"no node":     func(o *rebased.Options) { o.Node = "" },
		"no URL":      func(o *rebased.Options) { o.Node = "graphql.example.net" },
		"another":     func(o *rebased.Options) { o.Node = "ftp://graphql.example.net" },
		"odd":         func(o *rebased.Options) { o.Node = "http://[::1" },
		"second node": func(o *rebased.Options) { o.SecondNode = "nonsense" },
		"no address":  func(o *rebased.Options) { o.Address = "" },
		"zero":        func(o *rebased.Options) { o.Address = "0x" + strings.Repeat("0", 64) },
	} {
		o := good
		change(&o)
		if _, err := rebased.New(o); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	// A key in a URL stays out of errors.
	o := good
	o.Node = "http://user:hunter2@127.0.0.1:1/graphql?key=hunter3"
	l, err := rebased.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Deposits(t.Context(), ""); err == nil || strings.Contains(err.Error(), "hunter") || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("%v", err)
	}
	var _ billing.Ledger = l
}
