package devices

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/wattgate/wattgate/devices/driver"
)

func TestCounter(t *testing.T) {
	tests := []struct {
		name   string
		totals []driver.MilliwattMinutes
		want   driver.MilliwattMinutes
	}{
		{"begins with the plug's total", []driver.MilliwattMinutes{1000}, 1000},
		{"counts what the plug counts", []driver.MilliwattMinutes{1000, 1005, 1005, 1020}, 1020},
		{"goes on after a reset", []driver.MilliwattMinutes{1000, 0, 1, 2, 3, 10}, 1007},
		{"goes on after a partial loss", []driver.MilliwattMinutes{1000, 990, 991, 992, 993, 1003}, 1010},
		{"a single zero counts nothing", []driver.MilliwattMinutes{1000, 0, 1001}, 1001},
		{"three zeros count nothing", []driver.MilliwattMinutes{1000, 0, 0, 0, 1001}, 1001},
		{"a single leap counts nothing", []driver.MilliwattMinutes{1000, 1e12, 1001}, 1001},
		{"a leap that lasts was our absence", []driver.MilliwattMinutes{1000, 7e7, 7e7, 7e7, 7e7}, 7e7},
		{"totals above 2^32", []driver.MilliwattMinutes{1 << 33, 1<<33 + 5}, 1<<33 + 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCounter(tt.totals[0])
			for _, total := range tt.totals[1:] {
				c.add(total)
			}
			if c.Counted != tt.want {
				t.Errorf("counted %d, want %d", c.Counted, tt.want)
			}
		})
	}
}

func TestEnergyNeverFalls(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	c := newCounter(0)
	before := c.Counted
	for range 100_000 {
		switch total := driver.MilliwattMinutes(r.Int64N(1e15)); r.IntN(4) {
		case 0:
			c.add(total)
		case 1: // our restart
			b, err := json.Marshal(c.EnergyState)
			if err != nil {
				t.Fatal(err)
			}
			var s EnergyState
			if err := json.Unmarshal(b, &s); err != nil {
				t.Fatal(err)
			}
			c = resume(s)
		default:
			c.add(c.Last + driver.MilliwattMinutes(r.IntN(100)))
		}
		if c.Counted < before || c.Counted > fullCounter {
			t.Fatalf("fell from %d to %d", before, c.Counted)
		}
		before = c.Counted
	}
}
