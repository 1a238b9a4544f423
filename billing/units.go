package billing

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"
)

// Units is an amount in base units of the network's coin (micros in Stardust, nanos in Rebased), never negative.
type Units int64

// ErrOverflow means that an amount or a time does not fit: money is never rounded to make it fit.
var ErrOverflow = errors.New("the number is too large")

// MaxDecimals is the largest number of decimals of a coin: 10^18 still fits in Units.
const MaxDecimals = 18

// ParseUnits reads a plain decimal number of coins, such as "0.0005", exactly. It refuses signs, exponents, blanks, a
// missing digit on either side of the point, and more digits after it than the coin has (0 to MaxDecimals).
func ParseUnits(decimal string, decimals int) (Units, error) {
	if decimals < 0 || decimals > MaxDecimals {
		return 0, fmt.Errorf("cannot parse an amount with %d decimals: a coin has 0 to %d", decimals, MaxDecimals)
	}
	whole, frac, point := strings.Cut(decimal, ".")
	if len(decimal) > 40 || !digits(whole) || point && !digits(frac) {
		return 0, fmt.Errorf("cannot parse amount %.40q: write it as plain digits with at most one point, for example 0.0005", decimal)
	}
	if len(frac) > decimals {
		return 0, fmt.Errorf("cannot parse amount %q: the coin has %d decimals", decimal, decimals)
	}
	var n uint64
	for _, d := range whole + frac + strings.Repeat("0", decimals-len(frac)) {
		hi, lo := bits.Mul64(n, 10)
		sum, carry := bits.Add64(lo, uint64(d-'0'), 0)
		if hi != 0 || carry != 0 || sum > math.MaxInt64 {
			return 0, fmt.Errorf("cannot parse amount %q: %w", decimal, ErrOverflow)
		}
		n = sum
	}
	return Units(n), nil
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// Decimal writes the amount as a plain decimal number of coins without trailing zeros: 500 with 6 decimals is
// "0.0005". ParseUnits reads it back exactly.
func (u Units) Decimal(decimals int) string {
	text := fmt.Sprintf("%0*d", decimals+1, int64(u))
	whole, frac := text[:len(text)-decimals], strings.TrimRight(text[len(text)-decimals:], "0")
	if frac == "" {
		return whole
	}
	return whole + "." + frac
}

// plus adds two amounts.
func (u Units) plus(v Units) (Units, error) {
	if u < 0 || v < 0 || u > math.MaxInt64-v {
		return 0, ErrOverflow
	}
	return u + v, nil
}
