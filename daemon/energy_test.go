package daemon

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/readings"
	"github.com/wattgate/wattgate/devices"
)

// restored is a gateway that starts with the counters of two plugs.
func restored(t *testing.T) *Gateway {
	t.Helper()
	ctx := context.Background()
	store, err := readings.Open(ctx, filepath.Join(t.TempDir(), "readings.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if err := store.SaveEnergy(ctx, map[string]json.RawMessage{
		"uuid:a": json.RawMessage(`{"last_mwmin":60000,"counted_mwmin":60000}`),
		"uuid:b": json.RawMessage(`{"last_mwmin":120000,"counted_mwmin":120000}`),
	}); err != nil {
		t.Fatal(err)
	}
	g := &Gateway{readings: store, state: newStateKeeper(), log: slog.New(slog.DiscardHandler)}
	energy, err := g.loadEnergy(ctx)
	if err != nil {
		t.Fatal(err)
	}
	g.fleet = devices.New(devices.Options{Energy: energy})
	return g
}

// A gateway that was killed had told more than it had stored: until each plug was read again the sum would fall.
func TestEnergyIsUnknownUntilEachRestoredCounterWasRead(t *testing.T) {
	g, now := restored(t), time.Now()
	if e := g.energyNow(now); e != nil {
		t.Errorf("at the start: %v", *e)
	}
	read := devices.Sample{UDN: "uuid:a", At: now, HasEnergy: true, Known: true}
	found := devices.Sample{UDN: "uuid:b", HasEnergy: true} // found again, not yet read
	g.watchEnergy(context.Background(), []devices.Sample{read, found})
	if e := g.energyNow(now); e != nil {
		t.Errorf("one of two read: %v", *e)
	}
	found.At = now
	g.watchEnergy(context.Background(), []devices.Sample{read, found})
	if e := g.energyNow(now); e == nil || *e != 3 {
		t.Errorf("both read: %v, want 3 Wh", e)
	}
}

func TestEnergyGoesOnWithoutAPlugThatDoesNotReturn(t *testing.T) {
	g := restored(t)
	if e := g.energyNow(time.Now().Add(restoreTime)); e == nil || *e != 3 {
		t.Errorf("after %v: %v, want 3 Wh", restoreTime, e)
	}
}

func TestEnergyOfNoPlugIsUnknown(t *testing.T) {
	g := &Gateway{fleet: devices.New(devices.Options{})}
	if e := g.energyNow(time.Now()); e != nil {
		t.Errorf("%v, want unknown", *e)
	}
}

func TestPlugsEnergyIsUnknownUntilItWasRead(t *testing.T) {
	s := devices.Sample{Energy: 5000, HasEnergy: true}
	if one := plugLive(slotOfTheContract, time.Now(), "fridge", s); one.EnergyWh != nil {
		t.Errorf("%v, want unknown", *one.EnergyWh)
	}
}
