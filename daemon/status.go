package daemon

import (
	"github.com/wattgate/wattgate/daemon/control"
)

// ownerStatus is the answer to `wattgate status`.
func (g *Gateway) ownerStatus() control.Status {
	c := g.state.get()
	gate := g.gate.Status()
	cfg := g.config()
	st := control.Status{
		State:   c.state,
		Reasons: c.sentences(),
		Since:   c.since,
		Level:   string(cfg.Publish.Level),
		Version: g.o.Version,
		Gateway: g.identity.Fingerprint(),
		Plugs:   g.state.plugs(),
		Clock:   g.clockStatus(),
		Ledger:  g.ledgerStatus(),
		Broker: control.Broker{
			PID: gate.BrokerPID, Connected: g.link.isUp(), Proven: gate.Proven,
			Reloads: gate.Reloads, Generation: gate.Generation,
			Listeners: g.listeners(),
		},
	}
	return st
}
