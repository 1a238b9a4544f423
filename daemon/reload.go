package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"reflect"

	"github.com/wattgate/wattgate/daemon/config"
)

// followConfig puts each new configuration into force, changing only what it must: price, level, plugs and log level
// without anybody losing his connection; an address restarts what listens there.
func (g *Gateway) followConfig(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-g.o.Reload:
			g.adopt(ctx, c)
		}
	}
}

func (g *Gateway) adopt(ctx context.Context, c config.Config) {
	old := g.config()
	if old.Ledger != c.Ledger {
		// The cursor, the address and the decimals belong to a ledger; changing horses takes a start.
		g.log.Warn("the ledger changes with the next start of the gateway", "from", string(old.Ledger.Network), "to", string(c.Ledger.Network))
		c.Ledger = old.Ledger
	}
	if _, err := g.terms(c, g.audience()); err != nil {
		g.log.Error("configuration refused, the old one stays in force", "error", err)
		return
	}
	g.publishing.Lock()
	defer g.publishing.Unlock()
	g.cfg.Store(&c)
	g.o.Level.Set(c.Log.Level)
	g.state.setLevel(c.Publish.Level)
	if !reflect.DeepEqual(old.Plugs, c.Plugs) {
		g.fleet.Apply(fleetConfig(c))
	}
	if lower(old.Publish.Level, c.Publish.Level) {
		g.clearReadings(ctx)
	}
	if old.Publish.PerPlug && !c.Publish.PerPlug {
		g.link.retainOnly(prefixPlug, nil)
	}
	if !g.audience().selling {
		g.link.retain(topicOffer, nil) // at once, not with the next apply
	}
	if old.Web.Listen != c.Web.Listen {
		g.web.move()
	}
	if !reflect.DeepEqual(old.Broker, c.Broker) {
		// Listeners are read at a start only; the supervisor starts the broker again with the new ones.
		g.restartBroker("its listeners changed")
	}
	g.log.Info("configuration in force", "level", string(c.Publish.Level))
	g.Nudge()
}

// lower says whether strangers may learn less at level b than at level a.
func lower(a, b config.Level) bool {
	order := map[config.Level]int{config.Private: 0, config.Average: 1, config.Live: 2}
	return order[b] < order[a]
}

// newRun names a run of the gateway; eight hexadecimal digits are enough to tell two runs apart.
func newRun() string {
	b := make([]byte, 4)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
