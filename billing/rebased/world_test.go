package rebased_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/rebased"
	"github.com/wattgate/wattgate/billing/rebased/rebasedtest"
)

var _ billing.Ledger = (*rebased.Ledger)(nil)

// world is a simulated node, us and a payer.
type world struct {
	*rebasedtest.Server
	us, payer *rebasedtest.Wallet
}

func newWorld(t *testing.T) world {
	t.Helper()
	s, err := rebasedtest.Start(rebasedtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return world{s, rebasedtest.NewWallet("us"), rebasedtest.NewWallet("payer")}
}

// ledger reads the world; change may adapt the options.
func (w world) ledger(t *testing.T, change func(*rebased.Options)) *rebased.Ledger {
	t.Helper()
	o := rebased.Options{Node: w.GraphQL(), Address: w.us.Address}
	if change != nil {
		change(&o)
	}
	l, err := rebased.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (w world) both(o *rebased.Options) { o.SecondNode = w.JSONRPC() }

// submit submits a transaction and seals it.
func (w world) submit(t rebasedtest.Transaction) string {
	d := w.Submit(t)
	w.Seal()
	return d
}

// reader is what stands behind a ledger: it stores each batch with its cursor.
type reader struct {
	cursor   string
	deposits []billing.Deposit
}

// take reads and stores batches until there are no more.
func (r *reader) take(t *testing.T, l billing.Ledger) []billing.Deposit {
	t.Helper()
	var all []billing.Deposit
	for range 200 {
		b, err := l.Deposits(t.Context(), r.cursor)
		if err != nil {
			t.Fatal(err)
		}
		r.store(t, b)
		all = append(all, b.Deposits...)
		if !b.More {
			return all
		}
	}
	t.Fatal("there is no end of batches")
	return nil
}

func (r *reader) store(t *testing.T, b billing.Batch) {
	t.Helper()
	if len(b.Cursor) > 512 || strings.ContainsFunc(b.Cursor, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Fatalf("cursor %q", b.Cursor)
	}
	r.cursor = b.Cursor
	r.deposits = append(r.deposits, b.Deposits...)
}

func ids(list []billing.Deposit) (out []string) {
	for _, d := range list {
		out = append(out, d.ID)
	}
	return out
}

func wantIDs(t *testing.T, got []billing.Deposit, want ...string) {
	t.Helper()
	if !slices.Equal(ids(got), want) {
		t.Errorf("deposits %v, want %v", ids(got), want)
	}
}
