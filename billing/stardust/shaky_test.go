package stardust_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	iotago "github.com/iotaledger/iota.go/v3"

	"github.com/wattgate/wattgate/billing/stardust/node"
	"github.com/wattgate/wattgate/billing/stardust/stardusttest"
)

// Whatever goes wrong on the way, and in whatever sequence a node lists outputs: each deposit is told exactly once.
func TestAShakyNodeNeitherLosesNorRepeats(t *testing.T) {
	f := newFake(t)
	f.add(t)
	proxy := stardusttest.NewProxy(t, f.url)
	f.url = proxy.URL
	l := f.ledger(t, time.Time{})
	_, cursor, _ := drain(t, l, "")
	want := map[string]bool{}
	for i := range 220 {
		var outputs []iotago.Output
		if i%44 == 0 {
			for range 128 {
				outputs = append(outputs, f.plain(600))
			}
		}
		for _, id := range f.add(t, outputs...) {
			want[id.ToHex()] = true
		}
	}
	total := len(want)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	broken := 0
	proxy.Set(shaky(seed, &broken))
	failures := 0
	for more := true; more; {
		b, err := l.Deposits(t.Context(), cursor)
		if err != nil {
			if failures++; failures > 5000 {
				t.Fatal("it never ends: ", err)
			}
			continue
		}
		for _, d := range b.Deposits {
			if !want[d.ID] {
				t.Fatalf("%s was told twice, or never was", d.ID)
			}
			delete(want, d.ID)
		}
		cursor, more = b.Cursor, b.More
	}
	proxy.Set(nil)
	if len(want) > 0 || broken < 5 {
		t.Errorf("%d deposits of %d were lost; %d answers were broken", len(want), total, broken)
	}
}

// shaky breaks one answer in fifty, each in one of the ways, counts them, and shuffles every list.
func shaky(seed uint64, broken *int) stardusttest.Fault {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	var all []stardusttest.Fault
	for name, way := range ways() {
		if name != "404" && name != "endless" { // a 404 is an answer for a block; endless ones take long
			all = append(all, way.fault)
		}
	}
	return func(r *http.Request, a *stardusttest.Answer) {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasSuffix(r.URL.Path, "/utxo-changes") {
			change(a, func(m map[string]any) {
				list := m["createdOutputs"].([]any)
				random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			})
		}
		if random.IntN(50) == 0 {
			*broken++
			all[random.IntN(len(all))](r, a)
		}
	}
}

// change changes the JSON of an answer.
func change(a *stardusttest.Answer, how func(map[string]any)) {
	var m map[string]any
	if json.Unmarshal(a.Body, &m) == nil {
		how(m)
		a.Body, _ = json.Marshal(m)
	}
}

func TestAnswersThatContradictEachOtherAreRefused(t *testing.T) {
	f := newFake(t)
	f.add(t)
	proxy := stardusttest.NewProxy(t, f.url)
	f.url = proxy.URL
	l := f.ledger(t, time.Time{})
	_, start, _ := drain(t, l, "")
	f.add(t, f.plain(600))
	f.add(t, f.plain(700))
	b, err := l.Deposits(t.Context(), start)
	if err != nil || len(b.Deposits) != 2 {
		t.Fatalf("%+v, %v", b, err)
	}
	var blocks [][]byte
	var mu sync.Mutex
	for name, fault := range map[string]stardusttest.Fault{
		"an output of another milestone": stardusttest.On("/outputs/", func(_ *http.Request, a *stardusttest.Answer) {
			change(a, func(m map[string]any) { m["metadata"].(map[string]any)["milestoneIndexBooked"] = 1 })
		}),
		"a block with another transaction": stardusttest.On("/blocks/", func(_ *http.Request, a *stardusttest.Answer) {
			mu.Lock()
			defer mu.Unlock()
			blocks = append(blocks, a.Body)
			a.Body = blocks[0]
		}),
	} {
		proxy.Set(fault)
		cursor, err := start, error(nil)
		for range 3 { // what is right may be told first
			b, failure := l.Deposits(t.Context(), cursor)
			if err = failure; err != nil {
				break
			}
			cursor = b.Cursor
		}
		if !errors.Is(err, node.ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	proxy.Set(nil)
	if b, err := l.Deposits(t.Context(), start); err != nil || len(b.Deposits) != 2 {
		t.Errorf("in the end: %+v, %v", b, err)
	}
}
