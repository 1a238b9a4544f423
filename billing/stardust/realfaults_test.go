package stardust_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/stardust"
	"github.com/wattgate/wattgate/billing/stardust/node"
	"github.com/wattgate/wattgate/billing/stardust/stardusttest"
)

func nodeRestart(t *testing.T, n *stardusttest.Network) {
	ctx := stardusttest.Context(t)
	g := watch(t, n, n.URL)
	first := mustPay(t, n, stardusttest.Payment{To: g.address, Amount: 900})
	if err := n.StopNode(ctx); err != nil {
		t.Fatal(err)
	}
	if err := g.step(); err == nil {
		t.Error("a node that is not there answered")
	}
	if err := n.StartNode(ctx); err != nil {
		t.Fatal(err)
	}
	second := mustPay(t, n, stardusttest.Payment{To: g.address, Amount: 901})
	g.find(second.OutputID)
	g.find(first.OutputID)
	if len(g.told) != 2 {
		t.Errorf("told %+v", g.told)
	}
}

func nodeAway(t *testing.T, n *stardusttest.Network) {
	proxy := stardusttest.NewProxy(t, n.URL)
	g := watch(t, n, proxy.URL)
	proxy.Set(func(_ *http.Request, a *stardusttest.Answer) { a.Drop = true })
	var paid []stardusttest.Paid
	for i := range 4 { // each in a milestone of its own
		paid = append(paid, mustPay(t, n, stardusttest.Payment{To: g.address, Amount: billing.Units(600 + i)}))
		if err := g.step(); err == nil {
			t.Fatal("an unreachable node answered")
		}
	}
	proxy.Set(nil)
	for _, p := range paid {
		g.find(p.OutputID)
	}
	if len(g.told) != 4 {
		t.Errorf("told %+v", g.told)
	}
}

// ways are those in which an answer goes wrong, and what the error then is.
func ways() map[string]struct {
	fault stardusttest.Fault
	is    func(error) bool
} {
	status := func(err error) bool { _, ok := errors.AsType[*node.StatusError](err); return ok }
	answer := func(err error) bool { return errors.Is(err, node.ErrAnswer) }
	network := func(err error) bool { _, ok := errors.AsType[*url.Error](err); return ok }
	body := func(with string) stardusttest.Fault {
		return func(_ *http.Request, a *stardusttest.Answer) { a.Body = []byte(with) }
	}
	return map[string]struct {
		fault stardusttest.Fault
		is    func(error) bool
	}{
		"429":     {stardusttest.Status(http.StatusTooManyRequests), status},
		"503":     {stardusttest.Status(http.StatusServiceUnavailable), status},
		"404":     {stardusttest.Status(http.StatusNotFound), status},
		"dropped": {func(_ *http.Request, a *stardusttest.Answer) { a.Drop = true }, network},
		"cut":     {func(_ *http.Request, a *stardusttest.Answer) { a.Cut = true }, answer},
		"half":    {func(_ *http.Request, a *stardusttest.Answer) { a.Body = a.Body[:len(a.Body)/2] }, answer},
		"html":    {body("<html>busy</html>"), answer},
		"empty":   {body(""), answer},
		"null":    {body("null"), answer},
		"object":  {body("{}"), answer},
		"endless": {body(strings.Repeat("[", node.MaxList+2)), answer},
	}
}

// faults breaks each question in each way while deposits come in.
func faults(t *testing.T, n *stardusttest.Network) {
	proxy := stardusttest.NewProxy(t, n.URL)
	g := watch(t, n, proxy.URL)
	paid := 0
	for _, path := range []string{"/info", "/milestones/by-index/", "/utxo-changes", "/outputs/", "/blocks/"} {
		o, err := n.Output(stardusttest.Payment{To: g.address, Amount: 500, From: 3})
		if err != nil {
			t.Fatal(err)
		}
		p, err := n.Send(stardusttest.Context(t), 3, o, o, o)
		if err != nil {
			t.Fatal(err)
		}
		paid += 3
		for name, way := range ways() {
			if path == "/blocks/" && name == "404" {
				continue // a block may have been deleted: the deposit counts without its sender
			}
			proxy.Set(stardusttest.On(path, way.fault))
			// What comes before the fault may be read first.
			err := g.step()
			for before := ""; err == nil && g.cursor != before; err = g.step() {
				before = g.cursor
			}
			if !way.is(err) {
				t.Errorf("%s on %s: %v", name, path, err)
			}
		}
		proxy.Set(nil)
		g.find(p.OutputID)
	}
	if len(g.told) != paid {
		t.Errorf("%d deposits of %d were told", len(g.told), paid)
	}
}

// lyingHead: whatever the node says of its newest milestone, what was paid is told once and in the end.
func lyingHead(t *testing.T, n *stardusttest.Network) {
	proxy := stardusttest.NewProxy(t, n.URL)
	g := watch(t, n, proxy.URL)
	paid := mustPay(t, n, stardusttest.Payment{To: g.address, Amount: 555})
	lie := func(change func(head map[string]any)) stardusttest.Fault {
		return stardusttest.On("/info", func(_ *http.Request, a *stardusttest.Answer) {
			var info map[string]any
			if err := json.Unmarshal(a.Body, &info); err != nil {
				t.Error(err)
			}
			status := info["status"].(map[string]any)
			change(status["confirmedMilestone"].(map[string]any))
			a.Body, _ = json.Marshal(info)
		})
	}
	// Far ahead: what there is comes, then the truth shows.
	proxy.Set(lie(func(head map[string]any) { head["index"] = 1 << 30 }))
	var err error
	for range 3 {
		if err = g.step(); err != nil {
			break
		}
	}
	if !errors.Is(err, stardust.ErrMissing) {
		t.Errorf("far ahead: %v", err)
	}
	proxy.Set(nil)
	g.find(paid.OutputID)
	at := g.cursor
	for name, c := range map[string]struct {
		change func(map[string]any)
		want   error
	}{
		"behind": {func(head map[string]any) { head["index"] = 2 }, stardust.ErrBehind},
		"none":   {func(head map[string]any) { head["index"] = 0 }, stardust.ErrBehind},
		"other": {func(head map[string]any) {
			var index uint32
			fmt.Sscanf(at, "v1:%d:", &index)
			head["index"], head["milestoneId"] = index, fmt.Sprintf("0x%064x", 7)
		}, stardust.ErrOtherChain},
		"no id": {func(head map[string]any) { head["milestoneId"] = "0x" }, node.ErrAnswer},
	} {
		proxy.Set(lie(c.change))
		if err := g.step(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if g.cursor != at {
		t.Error("a lie moved the cursor")
	}
	proxy.Set(nil)
	g.find(mustPay(t, n, stardusttest.Payment{To: g.address, Amount: 556}).OutputID)
	if len(g.told) != 2 {
		t.Errorf("told %+v", g.told)
	}
}

func since(t *testing.T, n *stardusttest.Network) {
	ctx := stardusttest.Context(t)
	g := watch(t, n, n.URL)
	early := mustPay(t, n, stardusttest.Payment{To: g.address, Amount: 600})
	start := g.find(early.OutputID).At.Add(time.Second)
	late := mustPay(t, n, stardusttest.Payment{To: g.address, Amount: 601})
	for name, c := range map[string]struct {
		since time.Time
		want  string
	}{
		"before both":  {start.Add(-time.Hour), early.OutputID + late.OutputID},
		"between":      {start, late.OutputID},
		"in the exact": {start.Add(-time.Second), early.OutputID + late.OutputID},
		"in future":    {time.Now().Add(24 * time.Hour), ""},
		"not given":    {time.Time{}, ""},
	} {
		l, err := stardust.New(stardust.Options{Node: n.URL, Since: c.since, Addresses: func(context.Context) ([]string, error) { return []string{g.address}, nil }})
		if err != nil {
			t.Fatal(err)
		}
		got, cursor, more := "", "", true
		for more {
			b, err := l.Deposits(ctx, cursor)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, d := range b.Deposits {
				got += d.ID
			}
			cursor, more = b.Cursor, b.More
		}
		if got != c.want {
			t.Errorf("%s: told %q, want %q", name, got, c.want)
		}
	}
}

func TestAnotherNetworkBehindTheSameURLIsNoticed(t *testing.T) {
	a := stardusttest.New(t, stardusttest.Options{})
	ctx := stardusttest.Context(t)
	proxy := stardusttest.NewProxy(t, a.URL)
	g := watch(t, a, proxy.URL)
	g.find(mustPay(t, a, stardusttest.Payment{To: g.address, Amount: 700}).OutputID)
	identity, err := g.ledger.Identity(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		same bool
	}{{"wattgate-private", true}, {"another", false}} {
		b := stardusttest.New(t, stardusttest.Options{Name: c.name})
		proxy.Point(b.URL)
		if now, err := g.ledger.Identity(ctx); err != nil || (now == identity) != c.same {
			t.Errorf("%s: identity %q, was %q, %v", c.name, now, identity, err)
		}
		at := g.cursor
		if err := b.Advance(ctx, 100); err != nil {
			t.Fatal(err)
		}
		mustPay(t, b, stardusttest.Payment{To: g.address, Amount: 800})
		if err := g.step(); !errors.Is(err, stardust.ErrOtherChain) {
			t.Errorf("%s: %v", c.name, err)
		}
		if g.cursor != at || len(g.told) != 1 {
			t.Errorf("%s: its money was told: %+v", c.name, g.told)
		}
	}
	proxy.Point(a.URL)
	g.find(mustPay(t, a, stardusttest.Payment{To: g.address, Amount: 701}).OutputID)
}

func TestAnHourAwayIsCaughtUp(t *testing.T) {
	n := stardusttest.New(t, stardusttest.Options{})
	ctx := stardusttest.Context(t)
	g := watch(t, n, n.URL)
	var paid []stardusttest.Paid
	for i := range 4 {
		paid = append(paid, mustPay(t, n, stardusttest.Payment{To: g.address, Amount: billing.Units(600 + i)}))
		if err := n.Advance(ctx, 900); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	for _, p := range paid {
		g.find(p.OutputID)
	}
	t.Logf("an hour's milestones took %s", time.Since(began))
	if len(g.told) != 4 {
		t.Errorf("told %+v", g.told)
	}
}

func TestPrunedHistoryIsAnErrorAndNoGap(t *testing.T) {
	n := stardusttest.New(t, stardusttest.Options{})
	ctx := stardusttest.Context(t)
	g := watch(t, n, n.URL)
	began := time.Now()
	lost := mustPay(t, n, stardusttest.Payment{To: g.address, Amount: 700})
	pruned, err := n.Prune(ctx)
	if err != nil || pruned < 10 {
		t.Fatalf("pruned %d, %v", pruned, err)
	}
	at := g.cursor
	if err := g.step(); !errors.Is(err, stardust.ErrPruned) || g.cursor != at {
		t.Errorf("err = %v", err)
	}
	late, err := stardust.New(stardust.Options{Node: n.URL, Since: began, Addresses: func(context.Context) ([]string, error) { return []string{g.address}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Deposits(ctx, ""); !errors.Is(err, stardust.ErrPruned) {
		t.Errorf("a beginning before what is left: %v", err)
	}
	// Who reads from what is left goes on as always.
	h := watch(t, n, n.URL)
	h.find(mustPay(t, n, stardusttest.Payment{To: h.address, Amount: 702}).OutputID)
	for _, d := range g.told {
		if d.ID == lost.OutputID {
			t.Error("told after all")
		}
	}
}
