package sandbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/billing"
)

var _ billing.Ledger = (*Ledger)(nil)

func mustOpen(t *testing.T, path string) *Ledger {
	t.Helper()
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func mustPay(t *testing.T, l *Ledger, reference string) string {
	t.Helper()
	id, err := l.Pay(context.Background(), "play-money", 500, reference)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestPaymentsSurviveARestartAndATornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l := mustOpen(t, path)
	first := mustPay(t, l, "wg-one")
	chain, _ := l.Identity(t.Context())
	l.Close()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"id":"torn","amo`)
	f.Close()
	l = mustOpen(t, path)
	second := mustPay(t, l, "wg-two")
	l.Close()
	l = mustOpen(t, path)
	b, err := l.Deposits(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Deposits) != 2 || b.Deposits[0].ID != first || b.Deposits[1].ID != second || b.More {
		t.Errorf("after a torn line: %+v", b)
	}
	if again, _ := l.Identity(t.Context()); again != chain {
		t.Errorf("identity changed from %s to %s", chain, again)
	}
}

func TestCursorNeitherSkipsNorRepeats(t *testing.T) {
	l := mustOpen(t, filepath.Join(t.TempDir(), "ledger"))
	const n = batchSize + 7
	for range n {
		mustPay(t, l, "r")
	}
	seen, cursor := map[string]bool{}, ""
	for more := true; more; {
		b, err := l.Deposits(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range b.Deposits {
			if seen[d.ID] {
				t.Fatalf("%s twice", d.ID)
			}
			seen[d.ID] = true
		}
		cursor, more = b.Cursor, b.More
	}
	if len(seen) != n {
		t.Errorf("%d deposits, want %d", len(seen), n)
	}
	if b, _ := l.Deposits(t.Context(), "another-chain:3"); len(b.Deposits) != batchSize {
		t.Errorf("a cursor of another chain gave %d deposits, want the first batch", len(b.Deposits))
	}
}

func TestChangedFiresAfterAPayment(t *testing.T) {
	l := mustOpen(t, filepath.Join(t.TempDir(), "ledger"))
	mustPay(t, l, "r")
	mustPay(t, l, "r")
	select {
	case <-l.Changed():
	default:
		t.Fatal("nothing was told")
	}
	if h, _ := l.Head(t.Context()); h.Sequence != 2 || h.At.IsZero() {
		t.Errorf("head %+v", h)
	}
}

func TestPayRefusesWhatTheFileShouldNotHold(t *testing.T) {
	l := mustOpen(t, filepath.Join(t.TempDir(), "ledger"))
	for name, try := range map[string]struct {
		address   string
		amount    billing.Units
		reference string
	}{
		"no address":     {"", 1, ""},
		"long address":   {strings.Repeat("a", 129), 1, ""},
		"long reference": {"a", 1, strings.Repeat("r", 129)},
		"nothing":        {"a", 0, ""},
		"negative":       {"a", -1, ""},
	} {
		if _, err := l.Pay(t.Context(), try.address, try.amount, try.reference); err == nil {
			t.Errorf("%s was accepted", name)
		} else if _, ok := errors.AsType[*billing.Refusal](err); !ok {
			t.Errorf("%s: %v is no refusal", name, err)
		}
	}
	if b, _ := l.Deposits(t.Context(), ""); len(b.Deposits) != 0 {
		t.Errorf("%d refused payments were kept", len(b.Deposits))
	}
}

func TestWorstTextStillFitsALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l := mustOpen(t, path)
	worst := strings.Repeat("\x01", maxText) // six bytes each in JSON
	if _, err := l.Pay(t.Context(), worst, 1<<62, worst); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if b, _ := mustOpen(t, path).Deposits(t.Context(), ""); len(b.Deposits) != 1 || b.Deposits[0].Reference != worst {
		t.Errorf("read back %+v", b)
	}
}

func TestDamageInTheMiddleIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l := mustOpen(t, path)
	mustPay(t, l, "r")
	l.Close()
	raw, _ := os.ReadFile(path)
	if err := os.WriteFile(path, append([]byte("nonsense\n"), raw...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "move the file aside") {
		t.Errorf("err = %v, want the remedy", err)
	}
}
