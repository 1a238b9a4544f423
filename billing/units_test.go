package billing

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestParseUnits(t *testing.T) {
	for _, c := range []struct {
		in       string
		decimals int
		want     Units
		ok       bool
	}{
		{"0.0005", 6, 500, true}, {"0.0005", 9, 500_000, true}, {"1", 0, 1, true}, {"0", 6, 0, true}, {"007.10", 2, 710, true},
		{"9223372036854775807", 0, math.MaxInt64, true}, {"9.223372036854775807", 18, math.MaxInt64, true},
		{"9223372036854775808", 0, 0, false}, {"99999999999999999999", 0, 0, false}, {"9223372036854.775808", 6, 0, false},
		{"", 6, 0, false}, {".5", 6, 0, false}, {"5.", 6, 0, false}, {"-1", 6, 0, false}, {"+1", 6, 0, false}, {"1e3", 6, 0, false},
		{"1,5", 6, 0, false}, {" 1", 6, 0, false}, {"1 ", 6, 0, false}, {"0x10", 6, 0, false}, {"1_000", 6, 0, false}, {"1.2.3", 6, 0, false},
		{"0.0000001", 6, 0, false}, {"0.1", 0, 0, false}, {"٣", 6, 0, false}, {"1", 19, 0, false}, {"1", -1, 0, false}, {strings.Repeat("0", 41), 0, 0, false},
	} {
		got, err := ParseUnits(c.in, c.decimals)
		if (err == nil) != c.ok || got != c.want {
			t.Errorf("ParseUnits(%q, %d) = %d, %v", c.in, c.decimals, got, err)
		}
	}
	if _, err := ParseUnits("9223372036854775808", 0); !errors.Is(err, ErrOverflow) {
		t.Errorf("too much is %v, want ErrOverflow", err)
	}
}

func TestDecimalWritesWhatIsRead(t *testing.T) {
	for _, c := range []struct {
		u        Units
		decimals int
		want     string
	}{{500, 6, "0.0005"}, {0, 6, "0"}, {1_000_000, 6, "1"}, {1_500_000, 6, "1.5"}, {7, 0, "7"}, {math.MaxInt64, 18, "9.223372036854775807"}} {
		if got := c.u.Decimal(c.decimals); got != c.want {
			t.Errorf("Units(%d).Decimal(%d) = %q, want %q", c.u, c.decimals, got, c.want)
		}
	}
}

func FuzzParseUnits(f *testing.F) {
	for _, s := range []string{"0.0005", "9223372036854775807", "1e9", "-0", "00.10"} {
		f.Add(s, 6)
	}
	f.Fuzz(func(t *testing.T, s string, decimals int) {
		u, err := ParseUnits(s, decimals)
		if err != nil {
			return
		}
		if again, err := ParseUnits(u.Decimal(decimals), decimals); err != nil || again != u || u < 0 {
			t.Errorf("%q is %d, written %q, read %d, %v", s, u, u.Decimal(decimals), again, err)
		}
	})
}

func TestSecondsAreFloors(t *testing.T) {
	hour := Price{Amount: 500, Period: 3600, MinPeriods: 1}
	for _, c := range []struct {
		price Price
		paid  Units
		want  int64
		ok    bool
	}{
		{hour, 0, 0, true}, {hour, 1, 7, true}, {hour, 499, 3592, true}, {hour, 500, 3600, true}, {hour, 501, 3607, true},
		{Price{Amount: 3, Period: 1}, 2, 0, true}, {Price{Amount: 3, Period: 1}, 8, 2, true},
		{Price{Amount: 1, Period: MaxSeconds}, 1, MaxSeconds, true}, {Price{Amount: 1, Period: MaxSeconds}, 2, 0, false},
		// The product needs 95 bits, the quotient fits.
		{Price{Amount: math.MaxInt64, Period: 1 << 31}, math.MaxInt64, 1 << 31, true},
		{Price{Amount: 1, Period: 3600}, math.MaxInt64, 0, false},
		{hour, -1, 0, false}, {Price{}, 1, 0, false},
	} {
		got, err := c.price.Seconds(c.paid)
		if (err == nil) != c.ok || got != c.want {
			t.Errorf("%+v.Seconds(%d) = %d, %v; want %d", c.price, c.paid, got, err, c.want)
		}
	}
}

func TestCostOverflowIsAnError(t *testing.T) {
	p := Price{Amount: 500, Period: 3600, MinPeriods: 1}
	if c, err := p.Cost(3); c != 1500 || err != nil {
		t.Errorf("Cost(3) = %d, %v", c, err)
	}
	if _, err := p.Cost(math.MaxInt64); !errors.Is(err, ErrOverflow) {
		t.Errorf("err = %v, want ErrOverflow", err)
	}
	if _, err := p.Cost(-1); err == nil {
		t.Error("a negative number of periods has a price")
	}
}

func TestTermsTellAllProblemsAtOnce(t *testing.T) {
	bad := testTerms()
	bad.Network.Name, bad.Price.Amount, bad.Product.Topics = "No Such", 0, nil
	err := bad.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"network's name", "amount must be above 0", "1 to 64 topics"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
	bad = testTerms()
	bad.Selling, bad.Product.Topics = false, nil
	if err := bad.Validate(); err != nil {
		t.Errorf("nothing to sell needs no topic: %v", err)
	}
}

func TestUsernames(t *testing.T) {
	for name, ok := range map[string]bool{
		"abc": true, "a-b_c9": true, "0ab": true, strings.Repeat("a", 32): true, "u-abcdefghij": true, "administrators": true,
		"ab": false, "": false, "-ab": false, "_ab": false, "Abc": false, "a b": false, "a:b": false, "a\nb": false, "a/b": false, "a+b": false,
		strings.Repeat("a", 33): false, "admin": false, "anonymous": false, "wattgate": false, "gw-pub": false, "probe-1": false, "añb": false,
	} {
		if err := CheckUsername(name); (err == nil) != ok {
			t.Errorf("CheckUsername(%q) = %v", name, err)
		}
	}
	for range 50 {
		if name := newUsername(); CheckUsername(name) != nil || len(name) != 12 {
			t.Errorf("made up %q", name)
		}
		if name := withSuffix(strings.Repeat("a", 32)); CheckUsername(name) != nil {
			t.Errorf("with suffix %q", name)
		}
	}
}

func TestPasswords(t *testing.T) {
	for p, ok := range map[string]bool{
		"twelve chars": true, strings.Repeat("x", 64): true, "eleven char": false, strings.Repeat("x", 65): false, "tab\tinside it": false, "pässword pässword": false,
	} {
		if err := CheckPassword(p); (err == nil) != ok {
			t.Errorf("CheckPassword(%q) = %v", p, err)
		}
	}
	if a, b := newPassword(), newPassword(); a == b || len(a) != 26 || CheckPassword(a) != nil {
		t.Errorf("made %q and %q", a, b)
	}
}
