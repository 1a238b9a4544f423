package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/wattgate/wattgate/devices"
)

// counters is what the gateway remembers of the energy counters it restored. After a start the sum is right only once every
// plug that counted before was read again: a gateway that was killed had published up to a minute more than it had
// stored, and the sum must never fall.
type counters struct {
	unread  map[string]bool // by UDN: restored and not yet read in this run
	begun   time.Time
	current int // plugs with a current reading when the counters were stored last
	known   int // plugs with a counter then
}

// restoreTime is how long a plug may take to be found again before the sum goes on without it. What it had counted was
// stored when it was lost.
const restoreTime = 30 * time.Second

// energyNow is the sum of all counters in watt-hours, nil while it is not known.
func (g *Gateway) energyNow(now time.Time) *float64 {
	total, energy := g.fleet.Energy()
	if len(energy) == 0 || len(g.counters.unread) > 0 && now.Sub(g.counters.begun) < restoreTime {
		return nil
	}
	return wattHours(total)
}

// watchEnergy stores the counters at once when a plug was found or lost, or counted for the first time.
func (g *Gateway) watchEnergy(ctx context.Context, samples []devices.Sample) {
	current, known := 0, 0
	for _, s := range samples {
		if s.Known {
			current++
		}
		if s.HasEnergy && !s.At.IsZero() {
			known++
			delete(g.counters.unread, s.UDN)
		}
	}
	if current != g.counters.current || known != g.counters.known {
		g.counters.current, g.counters.known = current, known
		g.keepEnergy(ctx)
	}
}

func (g *Gateway) keepEnergy(ctx context.Context) {
	_, energy := g.fleet.Energy()
	err := g.saveEnergy(ctx, energy)
	switch {
	case err != nil && ctx.Err() == nil:
		if g.state.report("energy", problem{"disk", "the energy counters cannot be stored: " + err.Error()}) {
			g.log.Error("cannot store the energy counters", "error", err)
		}
	case g.state.clear("energy"):
		g.log.Info("energy counters are stored again")
	}
}

func (g *Gateway) loadEnergy(ctx context.Context) (map[string]devices.EnergyState, error) {
	raw, err := g.readings.Energy(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]devices.EnergyState, len(raw))
	g.counters = counters{unread: make(map[string]bool, len(raw)), begun: time.Now()}
	for udn, data := range raw {
		var s devices.EnergyState
		if err := json.Unmarshal(data, &s); err != nil {
			return nil, fmt.Errorf("cannot read the energy counter of a plug: %w", err)
		}
		out[udn] = s
		g.counters.unread[udn] = true
	}
	return out, nil
}

func (g *Gateway) saveEnergy(ctx context.Context, energy map[string]devices.EnergyState) error {
	raw := make(map[string]json.RawMessage, len(energy))
	for udn, s := range energy {
		raw[udn] = encode(s)
	}
	return g.readings.SaveEnergy(ctx, raw)
}
