package readings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/billing/sqlitefile"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func fresh(t *testing.T) *Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "readings.db"))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// minute is a plain average of the sum.
func minute(end time.Time, w float64) Average {
	return Average{End: end, PowerW: new(w), EnergyWh: new(1204.31), Coverage: 0.98, WindowS: 60}
}

func ends(t *testing.T, s *Store, plug string, since time.Time) []time.Time {
	t.Helper()
	list, err := s.Averages(t.Context(), plug, since)
	must(t, err)
	var out []time.Time
	for _, a := range list {
		out = append(out, a.End)
	}
	return out
}

func TestEverythingSurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "readings.db")
	s := open(t, path)
	averages := []Average{
		{Plug: "", End: noon, PowerW: new(40.1), EnergyWh: new(1204.31), Coverage: 0.98, WindowS: 60},
		{Plug: "", End: noon.Add(1500 * time.Millisecond), Coverage: 0.2, WindowS: 1, Simulated: true}, // unknown stays unknown
	}
	for _, a := range averages {
		must(t, s.AddAverage(t.Context(), a))
	}
	states := map[string]json.RawMessage{"A1": json.RawMessage(`{"last":4294967296000,"offset":7}`), "B2": json.RawMessage(`{}`)}
	must(t, s.SaveEnergy(t.Context(), states))
	must(t, s.SetName(t.Context(), "A1", "fridge"))
	id := s.PlugID("uuid:Insight-1_0-B2", "B2")

	check := func(s *Store) {
		t.Helper()
		got, err := s.Averages(t.Context(), "", time.Time{})
		must(t, err)
		if !reflect.DeepEqual(got, averages) {
			t.Errorf("averages %+v, want %+v", got, averages)
		}
		energy, err := s.Energy(t.Context())
		must(t, err)
		if !reflect.DeepEqual(energy, states) {
			t.Errorf("energy %s, want %s", energy, states)
		}
		names, err := s.Names(t.Context())
		must(t, err)
		if !reflect.DeepEqual(names, map[string]string{"A1": "fridge"}) {
			t.Errorf("names %v", names)
		}
		if got := s.PlugID("uuid:Insight-1_0-B2", "B2"); got != id {
			t.Errorf("the id became %s, was %s", got, id)
		}
	}
	check(s)
	check(open(t, crashCopy(t, path))) // as a power cut leaves it: the log not written back
	must(t, s.Close())
	check(open(t, path))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: the id secret must stay private", info.Mode(), err)
	}
}

// crashCopy copies the files of an open store as they are on disk.
func crashCopy(t *testing.T, path string) string {
	t.Helper()
	dir := t.TempDir()
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		must(t, err)
		if suffix != "" && len(data) == 0 {
			t.Error("the log is empty: this copy proves nothing")
		}
		must(t, os.WriteFile(filepath.Join(dir, "readings.db"+suffix), data, 0o600))
	}
	return filepath.Join(dir, "readings.db")
}

func TestTheFileIsCheapToWrite(t *testing.T) {
	var mode int
	must(t, fresh(t).db.QueryRow(`PRAGMA synchronous`).Scan(&mode))
	if mode != 1 { // NORMAL
		t.Errorf("synchronous is %d", mode)
	}
}

func TestAveragesAreKeptForADay(t *testing.T) {
	s := fresh(t)
	add := func(end time.Time) { t.Helper(); must(t, s.AddAverage(t.Context(), minute(end, 1))) }
	add(noon)
	plug := minute(noon, 2)
	plug.Plug = "p-abcdef"
	must(t, s.AddAverage(t.Context(), plug))
	add(noon.Add(Keep))
	if got := ends(t, s, "", time.Time{}); !reflect.DeepEqual(got, []time.Time{noon, noon.Add(Keep)}) {
		t.Errorf("after exactly a day: %v", got)
	}
	add(noon.Add(Keep + time.Minute))
	if got := ends(t, s, "", time.Time{}); !reflect.DeepEqual(got, []time.Time{noon.Add(Keep), noon.Add(Keep + time.Minute)}) {
		t.Errorf("after more than a day: %v", got)
	}
	if got := ends(t, s, "p-abcdef", time.Time{}); len(got) != 0 {
		t.Errorf("a plug that left keeps its history: %v", got)
	}
}

func TestAveragesOfAWrongClockDoNotStay(t *testing.T) {
	s := fresh(t)
	must(t, s.AddAverage(t.Context(), minute(noon.AddDate(4, 0, 0), 1)))
	must(t, s.AddAverage(t.Context(), minute(noon, 2)))
	if got := ends(t, s, "", time.Time{}); !reflect.DeepEqual(got, []time.Time{noon}) {
		t.Errorf("got %v", got)
	}
	// Earlier ones added late, as the demo does, push nothing out.
	must(t, s.AddAverage(t.Context(), minute(noon.Add(-time.Hour), 3)))
	if got := ends(t, s, "", time.Time{}); !reflect.DeepEqual(got, []time.Time{noon.Add(-time.Hour), noon}) {
		t.Errorf("got %v", got)
	}
}

func TestAveragesSince(t *testing.T) {
	s := fresh(t)
	for i := range 5 {
		must(t, s.AddAverage(t.Context(), minute(noon.Add(time.Duration(i)*time.Minute), float64(i))))
	}
	if got := ends(t, s, "", noon.Add(3*time.Minute)); !reflect.DeepEqual(got, []time.Time{noon.Add(4 * time.Minute)}) {
		t.Errorf("got %v", got)
	}
	if got := ends(t, s, "fridge", time.Time{}); got != nil {
		t.Errorf("an unknown plug has %v", got)
	}
}

func TestTheSameWindowAgainReplaces(t *testing.T) {
	s := fresh(t)
	simulated := minute(noon, 1)
	simulated.Simulated = true
	must(t, s.AddAverage(t.Context(), simulated))
	must(t, s.AddAverage(t.Context(), minute(noon, 2)))
	got, err := s.Averages(t.Context(), "", time.Time{})
	must(t, err)
	if !reflect.DeepEqual(got, []Average{minute(noon, 2)}) {
		t.Errorf("got %+v", got)
	}
}

func TestClearForgetsAveragesOnly(t *testing.T) {
	s := fresh(t)
	plug := minute(noon, 1)
	plug.Plug = "fridge"
	must(t, s.AddAverage(t.Context(), plug))
	must(t, s.AddAverage(t.Context(), minute(noon, 1)))
	must(t, s.SaveEnergy(t.Context(), map[string]json.RawMessage{"A1": json.RawMessage(`1`)}))
	must(t, s.ClearAverages(t.Context()))
	if a, b := ends(t, s, "", time.Time{}), ends(t, s, "fridge", time.Time{}); len(a)+len(b) != 0 {
		t.Errorf("left: %v %v", a, b)
	}
	if energy, err := s.Energy(t.Context()); err != nil || len(energy) != 1 {
		t.Errorf("energy %v, %v", energy, err)
	}
}

func TestNonsenseIsNoAverage(t *testing.T) {
	s := fresh(t)
	for name, spoil := range map[string]func(*Average){
		"NaN":          func(a *Average) { a.PowerW = new(math.NaN()) },
		"infinite":     func(a *Average) { a.EnergyWh = new(math.Inf(1)) },
		"coverage":     func(a *Average) { a.Coverage = 1.01 },
		"NaN coverage": func(a *Average) { a.Coverage = math.NaN() },
		"window":       func(a *Average) { a.WindowS = 0 },
	} {
		a := minute(noon, 1)
		spoil(&a)
		if err := s.AddAverage(t.Context(), a); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if got := ends(t, s, "", time.Time{}); len(got) != 0 {
		t.Errorf("kept: %v", got)
	}
}

func TestEnergyOfAPlugThatIsAwayStays(t *testing.T) {
	s := fresh(t)
	must(t, s.SaveEnergy(t.Context(), map[string]json.RawMessage{"A1": json.RawMessage(`1`), "B2": json.RawMessage(`2`)}))
	must(t, s.SaveEnergy(t.Context(), map[string]json.RawMessage{"B2": json.RawMessage(`3`)}))
	got, err := s.Energy(t.Context())
	must(t, err)
	if want := (map[string]json.RawMessage{"A1": json.RawMessage(`1`), "B2": json.RawMessage(`3`)}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %s", got)
	}
}

func TestEnergyIsSavedWholeOrNotAtAll(t *testing.T) {
	s := fresh(t)
	for _, bad := range []string{`{`, ``, `"` + strings.Repeat("x", maxState) + `"`} {
		if err := s.SaveEnergy(t.Context(), map[string]json.RawMessage{"A1": json.RawMessage(`1`), "B2": json.RawMessage(bad)}); err == nil {
			t.Errorf("%.10q: accepted", bad)
		}
	}
	crowd := map[string]json.RawMessage{}
	for i := range maxCounters + 1 {
		crowd[fmt.Sprint(i)] = json.RawMessage(`1`)
	}
	if err := s.SaveEnergy(t.Context(), crowd); err == nil || !strings.Contains(err.Error(), "plugs.allow") {
		t.Errorf("a crowd of invented plugs: %v", err)
	}
	if got, err := s.Energy(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("half of it stayed: %d states, %v", len(got), err)
	}
}

func TestAFileThatCannotBeUsedIsRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(t.Context(), filepath.Join(dir, "missing", "readings.db"), nil); !errors.Is(err, sqlitefile.ErrUnreadable) {
		t.Errorf("missing directory: %v", err)
	}
	path := filepath.Join(dir, "readings.db")
	must(t, os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600))
	if _, err := Open(t.Context(), path, nil); !errors.Is(err, sqlitefile.ErrCorrupt) || !strings.Contains(err.Error(), path) {
		t.Errorf("damaged file: %v", err)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		t.Error("the damaged file was removed")
	}
}

func TestAClosedStoreSaysSo(t *testing.T) {
	s := fresh(t)
	must(t, s.Close())
	ctx := context.Background()
	for name, err := range map[string]error{
		"AddAverage": s.AddAverage(ctx, minute(noon, 1)), "ClearAverages": s.ClearAverages(ctx),
		"SaveEnergy": s.SaveEnergy(ctx, nil), "SetName": s.SetName(ctx, "A1", "fridge"),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "cannot ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if names, _ := s.Names(ctx); len(names) != 0 {
		t.Error("a name that was not kept is shown")
	}
}
