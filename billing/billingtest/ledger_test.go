package billingtest_test

import (
	"errors"
	"testing"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/billingtest"
)

var _ billing.Ledger = (*billingtest.Ledger)(nil)

func ids(t *testing.T, l *billingtest.Ledger, cursor string) (list string, next string) {
	t.Helper()
	b, err := l.Deposits(t.Context(), cursor)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range b.Deposits {
		list += d.ID
	}
	return list, b.Cursor
}

func TestFaults(t *testing.T) {
	var l billingtest.Ledger
	for _, id := range []string{"a", "b", "c"} {
		l.Add(billing.Deposit{ID: id})
	}
	for _, c := range []struct {
		name           string
		faults         billingtest.Faults
		cursor         string
		list, followUp string
	}{
		{"none", billingtest.Faults{}, "", "abc", ""},
		{"batches", billingtest.Faults{Batch: 2}, "", "ab", "c"},
		{"lag", billingtest.Faults{Lag: 1}, "", "ab", ""},
		{"reverse", billingtest.Faults{Reverse: true}, "1", "cb", ""},
		{"repeat", billingtest.Faults{Repeat: true, Batch: 1}, "1", "ab", "abc"},
	} {
		l.Set(c.faults)
		list, next := ids(t, &l, c.cursor)
		if list != c.list {
			t.Errorf("%s: %q, want %q", c.name, list, c.list)
		}
		if more, _ := ids(t, &l, next); more != c.followUp {
			t.Errorf("%s: then %q, want %q", c.name, more, c.followUp)
		}
	}
	broken := errors.New("no node")
	l.Set(billingtest.Faults{Err: broken})
	if _, err := l.Deposits(t.Context(), ""); !errors.Is(err, broken) {
		t.Errorf("err = %v", err)
	}
}
