package billing

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// MaxSeconds is the longest time that can be bought or granted at once, a hundred years: what is beyond is a mistake
// (micros taken for nanos), and times stay within four-digit years.
const MaxSeconds = 100 * 366 * 24 * 60 * 60

// Price says what a period of access costs.
type Price struct {
	// Amount is the cost of one period, at least 1.
	Amount Units
	// Period is the length of one period in seconds, 1 to MaxSeconds.
	Period int64
	// MinPeriods is the smallest number of periods sold at once, at least 1.
	MinPeriods int64
}

// Validate reports whether the price can be sold at.
func (p Price) Validate() error {
	var errs []error
	if p.Amount < 1 {
		errs = append(errs, errors.New("the amount must be above 0"))
	}
	if p.Period < 1 || p.Period > MaxSeconds {
		errs = append(errs, errors.New("the period must be at least a second and at most a hundred years"))
	}
	if p.MinPeriods < 1 {
		errs = append(errs, errors.New("the smallest number of periods must be at least 1"))
	} else if len(errs) == 0 {
		if p.MinPeriods > MaxSeconds/p.Period {
			errs = append(errs, errors.New("the smallest purchase is longer than a hundred years"))
		} else if _, err := p.Cost(p.MinPeriods); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("cannot use this price: %w", errors.Join(errs...))
	}
	return nil
}

// Seconds is the time that an amount buys: floor(paid × period / amount), at most MaxSeconds, beyond which it is
// ErrOverflow. The product is 128 bits wide, so the division alone rounds.
func (p Price) Seconds(paid Units) (int64, error) {
	if p.Amount < 1 || p.Period < 1 || paid < 0 {
		return 0, fmt.Errorf("cannot convert %d units at %d per %d s: amounts must be positive", paid, p.Amount, p.Period)
	}
	hi, lo := bits.Mul64(uint64(paid), uint64(p.Period))
	if hi >= uint64(p.Amount) {
		return 0, ErrOverflow
	}
	seconds, _ := bits.Div64(hi, lo, uint64(p.Amount))
	if seconds > MaxSeconds {
		return 0, ErrOverflow
	}
	return int64(seconds), nil
}

// Cost is the price of a number of periods.
func (p Price) Cost(periods int64) (Units, error) {
	if periods < 0 || p.Amount < 0 {
		return 0, fmt.Errorf("cannot price %d periods: the number must not be negative", periods)
	}
	hi, lo := bits.Mul64(uint64(p.Amount), uint64(periods))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, ErrOverflow
	}
	return Units(lo), nil
}
