package stardust_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	iotago "github.com/iotaledger/iota.go/v3"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/stardust"
	"github.com/wattgate/wattgate/billing/stardust/stardusttest"
)

// fake is a node in memory and an address on it.
type fake struct {
	*stardusttest.Fake
	url     string
	owner   iotago.Ed25519Address
	address string
	clock   time.Time
}

func newFake(t testing.TB) *fake {
	t.Helper()
	f := &fake{Fake: stardusttest.NewFake("fake"), owner: iotago.Ed25519Address{7}, clock: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url, f.address = server.URL, f.owner.Bech32("tst")
	return f
}

func (f *fake) ledger(t testing.TB, since time.Time) *stardust.Ledger {
	t.Helper()
	l, err := stardust.New(stardust.Options{Node: f.url, Since: since, Addresses: func(context.Context) ([]string, error) { return []string{f.address}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// add adds a milestone with outputs.
func (f *fake) add(t testing.TB, outputs ...iotago.Output) []iotago.OutputID {
	t.Helper()
	f.clock = f.clock.Add(5 * time.Second)
	_, ids, err := f.Milestone(f.clock, outputs...)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func (f *fake) plain(amount uint64) *iotago.BasicOutput {
	return &iotago.BasicOutput{Amount: amount, Conditions: iotago.UnlockConditions{&iotago.AddressUnlockCondition{Address: &f.owner}}}
}

// drain reads from a cursor to the head, and checks the size of each batch.
func drain(t testing.TB, l *stardust.Ledger, cursor string) (told []billing.Deposit, next string, batches int) {
	t.Helper()
	for more := true; more; batches++ {
		b, err := l.Deposits(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Deposits) > 500 {
			t.Fatalf("a batch of %d", len(b.Deposits))
		}
		told, cursor, more = append(told, b.Deposits...), b.Cursor, b.More
	}
	return told, cursor, batches
}

func TestABatchMayEndWithinAMilestone(t *testing.T) {
	f := newFake(t)
	f.add(t)
	l := f.ledger(t, time.Time{})
	_, start, _ := drain(t, l, "")
	// A transaction makes at most 128 outputs, so a batch of 500 ends within one of these milestones.
	want := map[string]bool{}
	for range 6 {
		var outputs []iotago.Output
		for range 128 {
			outputs = append(outputs, f.plain(600))
		}
		for _, id := range f.add(t, outputs...) {
			want[id.ToHex()] = true
		}
		f.add(t)
	}
	told, end, batches := drain(t, l, start)
	if batches < 2 || len(told) != len(want) {
		t.Fatalf("%d deposits of %d in %d batches", len(told), len(want), batches)
	}
	for _, d := range told {
		if !want[d.ID] {
			t.Errorf("%s was told twice, or never was", d.ID)
		}
		delete(want, d.ID)
	}
	if again, same, _ := drain(t, l, end); len(again) != 0 || same != end {
		t.Errorf("at the end there was more: %d, %s", len(again), same)
	}
}

func TestDepositsComeInTheLedgersSequence(t *testing.T) {
	f := newFake(t)
	f.add(t)
	l := f.ledger(t, time.Time{})
	_, start, _ := drain(t, l, "")
	for i := range 300 {
		f.add(t, f.plain(uint64(1000+i)))
	}
	told, _, _ := drain(t, l, start)
	for i, d := range told {
		if d.Amount != billing.Units(1000+i) || i > 0 && !d.At.After(told[i-1].At) {
			t.Fatalf("deposit %d: %+v", i, d)
		}
	}
	if len(told) != 300 {
		t.Errorf("%d deposits", len(told))
	}
}

func TestNativeTokensAreHeldAndOthersMoneyIsNotOurs(t *testing.T) {
	f := newFake(t)
	f.add(t)
	l := f.ledger(t, time.Time{})
	_, start, _ := drain(t, l, "")
	tokens := f.plain(2000)
	tokens.NativeTokens = iotago.NativeTokens{{ID: iotago.NativeTokenID{1}, Amount: big.NewInt(1)}}
	foreign := f.plain(3000)
	foreign.Conditions = iotago.UnlockConditions{&iotago.AddressUnlockCondition{Address: &iotago.Ed25519Address{9}}}
	back := &iotago.BasicOutput{Amount: 4000, Conditions: iotago.UnlockConditions{ // ours only if nobody claims it
		&iotago.AddressUnlockCondition{Address: &iotago.Ed25519Address{9}}, &iotago.ExpirationUnlockCondition{ReturnAddress: &f.owner, UnixTime: 1 << 31}}}
	f.add(t, tokens, foreign, back)
	told, _, _ := drain(t, l, start)
	if len(told) != 1 || told[0].Amount != 2000 || !strings.Contains(told[0].Hold, "native tokens") {
		t.Errorf("told %+v", told)
	}
}

func TestTagsAreText(t *testing.T) {
	f := newFake(t)
	f.add(t)
	l := f.ledger(t, time.Time{})
	_, start, _ := drain(t, l, "")
	tags := map[string]string{"wg-abc": "wg-abc", "Grüße": "Grüße", "\x00\x01": "0x0001", "a\nb": "0x610a62", "\xff": "0xff"}
	for tag := range tags {
		o := f.plain(600)
		o.Features = iotago.Features{&iotago.TagFeature{Tag: []byte(tag)}}
		f.add(t, o)
	}
	told, _, _ := drain(t, l, start)
	seen := map[string]bool{}
	for _, d := range told {
		seen[d.Reference] = true
	}
	for tag, want := range tags {
		if !seen[want] {
			t.Errorf("tag %q: no %q in %v", tag, want, seen)
		}
	}
}

func TestCursorsThatAreNotOursAreRefused(t *testing.T) {
	f := newFake(t)
	f.add(t)
	l := f.ledger(t, time.Time{})
	id := fmt.Sprintf("0x%064x", 1)
	for _, cursor := range []string{"1", "v1", "v2:1:" + id + ":0", "v1:-1:" + id + ":0", "v1:1:0x12:0", "v1:1:" + id + ":-1", "v1:1:" + id, "v1:4294967296:" + id + ":0", "v1:1:" + id + ":0:0"} {
		if b, err := l.Deposits(t.Context(), cursor); !errors.Is(err, stardust.ErrCursor) || b.Cursor != "" {
			t.Errorf("%q: %+v, %v", cursor, b, err)
		}
	}
}

func TestANodeWithoutAMilestoneIsNoBeginning(t *testing.T) {
	f := newFake(t)
	l := f.ledger(t, time.Time{})
	if b, err := l.Deposits(t.Context(), ""); !errors.Is(err, stardust.ErrBehind) || b.Cursor != "" {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := l.Head(t.Context()); !errors.Is(err, stardust.ErrBehind) {
		t.Errorf("head: %v", err)
	}
}

func TestAddressesAndSecrets(t *testing.T) {
	a := iotago.Ed25519Address{1, 2, 3}
	for _, hrp := range []iotago.NetworkPrefix{"iota", "smr", "rms", "tst"} {
		if got, err := stardust.ParseAddress(a.Bech32(hrp)); err != nil || got != string(hrp) {
			t.Errorf("%s: %q, %v", hrp, got, err)
		}
	}
	secrets := []string{
		strings.Repeat("ab", 32), "0x" + strings.Repeat("ab", 32), strings.Repeat("AB", 64), "iotaprivkey1qqqqqqqqqqqq", strings.Repeat("SEED9", 16) + "A",
		"film crazy soon outside stand loop subway crumble thrive popular green nuclear",
	}
	for _, s := range secrets {
		_, err := stardust.ParseAddress(s)
		if err == nil || !strings.Contains(err.Error(), "private key") || strings.Contains(err.Error(), s[:8]) && s[:4] != "iota" {
			t.Errorf("%.6s…: %v", s, err)
		}
	}
	whole := a.Bech32("tst")
	for _, bad := range []string{"", "tst1", whole[:len(whole)-1], whole + "q", strings.Replace(whole, "q", "p", 1), a.Bech32("atoi"), a.Bech32("btc"), "0x" + strings.Repeat("a", 40)} {
		if hrp, err := stardust.ParseAddress(bad); err == nil {
			t.Errorf("%q is taken for an address of %s", bad, hrp)
		}
	}
}

func TestMinDepositGrowsWithWhatIsAttached(t *testing.T) {
	for _, c := range []struct {
		cost          uint32
		tag, metadata int
		want          billing.Units
	}{
		{1, 0, 0, 426}, {1, 5, 0, 433}, {1, 19, 0, 447}, {1, 19, 2048, 2498}, {250, 0, 0, 106_500}, {0, 64, 8192, 0},
	} {
		if got := stardust.MinDeposit(c.cost, c.tag, c.metadata); got != c.want {
			t.Errorf("cost %d, tag of %d, metadata of %d: %d, want %d", c.cost, c.tag, c.metadata, got, c.want)
		}
	}
}

// BenchmarkCatchUp reads 100,000 milestones, each hundredth with a deposit.
func BenchmarkCatchUp(b *testing.B) {
	f := newFake(b)
	f.add(b)
	for i := range 100_000 {
		if i%100 == 0 {
			f.add(b, f.plain(600))
		} else {
			f.add(b)
		}
	}
	for b.Loop() {
		l := f.ledger(b, f.clock.Add(-100_000*5*time.Second))
		told, _, _ := drain(b, l, "")
		if len(told) != 1000 {
			b.Fatalf("%d deposits", len(told))
		}
	}
	b.ReportMetric(float64(100_000*b.N)/b.Elapsed().Seconds(), "milestones/s")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapInuse)/1e6, "MB-with-the-fake")
}
