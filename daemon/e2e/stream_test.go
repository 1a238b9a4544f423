//go:build linux

package e2e

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// live is sensor/live as the design has it.
type live struct {
	TS       *string  `json:"ts"`
	Run      *string  `json:"run"`
	Seq      *uint64  `json:"seq"`
	PowerW   *float64 `json:"power_w"`
	EnergyWh *float64 `json:"energy_wh"`
	AgeMS    *int64   `json:"age_ms"`
	Plugs    *int     `json:"plugs"`
	Of       *int     `json:"of"`

	at time.Time
}

// minute is sensor/1m as the design has it.
type minute struct {
	TS        *string  `json:"ts"`
	WindowS   *int     `json:"window_s"`
	PowerW    *float64 `json:"power_w"`
	EnergyWh  *float64 `json:"energy_wh"`
	Coverage  *float64 `json:"coverage"`
	Simulated bool     `json:"simulated"`
}

var (
	stampShape = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
	runShape   = regexp.MustCompile(`^[0-9a-f]{8}$`)
)

// strictly reads a document that may have no other members than v.
func strictly(t *testing.T, text string, v any) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		t.Fatalf("cannot read %s: %v", text, err)
	}
}

func stamp(t *testing.T, s *string) time.Time {
	t.Helper()
	if s == nil || !stampShape.MatchString(*s) {
		t.Fatalf("a timestamp must be UTC with three decimals, got %v", s)
	}
	at, err := time.Parse(time.RFC3339, *s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// readLive reads one message and checks what holds for each.
func readLive(t *testing.T, text string) live {
	t.Helper()
	var l live
	strictly(t, text, &l)
	l.at = stamp(t, l.TS)
	if l.at.Nanosecond()%int(500*time.Millisecond) != 0 {
		t.Fatalf("ts is not on the 500 ms grid: %s", text)
	}
	if l.Run == nil || !runShape.MatchString(*l.Run) || l.Seq == nil || l.Plugs == nil || l.Of == nil {
		t.Fatalf("a member is missing: %s", text)
	}
	if (*l.Plugs == 0) != (l.PowerW == nil) || *l.Plugs > *l.Of {
		t.Fatalf("the power must be null exactly when no plug is known: %s", text)
	}
	return l
}

// readStream reads the messages of sensor/live and checks that seq counts the slots and that energy never falls, also
// from one run to the next. Unknown is null: right after a start nothing is known yet.
func readStream(t *testing.T, got []wattgatetest.Message) []live {
	t.Helper()
	var out []live
	var most float64
	for _, m := range got {
		if m.Retained {
			t.Fatalf("sensor/live must never be retained: %+v", m)
		}
		l := readLive(t, m.Payload)
		if len(out) > 0 {
			follows(t, out[len(out)-1], l)
		}
		if l.EnergyWh != nil {
			if *l.EnergyWh < most {
				t.Fatalf("energy_wh fell from %v to %v", most, *l.EnergyWh)
			}
			most = *l.EnergyWh
		}
		out = append(out, l)
	}
	return out
}

func follows(t *testing.T, last, next live) {
	t.Helper()
	if *last.Run != *next.Run {
		return
	}
	if last.EnergyWh != nil && next.EnergyWh == nil {
		t.Fatalf("energy_wh was %v and became unknown in slot %d", *last.EnergyWh, *next.Seq)
	}
	if slots := int64(next.at.Sub(last.at) / (500 * time.Millisecond)); int64(*next.Seq)-int64(*last.Seq) != slots || slots < 1 {
		t.Fatalf("seq went from %d to %d while %d slots passed", *last.Seq, *next.Seq, slots)
	}
}

// withoutGaps fails when a slot is missing.
func withoutGaps(t *testing.T, stream []live) {
	t.Helper()
	for i := 1; i < len(stream); i++ {
		if *stream[i].Seq != *stream[i-1].Seq+1 {
			t.Errorf("seq jumps from %d to %d", *stream[i-1].Seq, *stream[i].Seq)
		}
	}
}
