package daemon

import (
	"fmt"

	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/snap"
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
	st.Next = nextSteps(cfg, st.Plugs.Expected, int(g.accounts.Load()))
	return st
}

// nextSteps is what an owner who looks at the status for the first time is glad to know: nothing once he has decided.
func nextSteps(c config.Config, plugs, users int) []string {
	var next []string
	name := snap.Instance()
	if plugs == 0 {
		next = append(next, "look for plugs: "+name+" plugs scan; name one that no search reaches: "+setting("plugs.addresses", "192.168.1.20"))
	}
	if users == 0 && c.Publish.Level == config.Private {
		next = append(next,
			"read the plugs yourself: "+name+" grants add homeassistant --forever",
			"show the minute average to everyone in the network: "+setting("publish.level", "average"))
	}
	return next
}

// setting is the words for a change of one key where this gateway runs.
func setting(key, value string) string {
	if snap.Inside() {
		return fmt.Sprintf("snap set %s %s=%s", snap.Instance(), key, value)
	}
	return fmt.Sprintf("%s=%s in the configuration file", key, value)
}
