package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"reflect"
	"time"

	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/control"
)

// The settings of a snap are read again now and then: what was set while the gateway started may have been accepted after
// it had read them and before it could be told. First soon after the start, then regularly.
const (
	firstLook = 2 * time.Second
	laterLook = time.Minute
	// notYet after a hand-over the settings may still be read as they were before it: they count once the hook has ended.
	notYet = 10 * time.Second
)

// followConfig puts the configuration into force again whenever it may have changed.
func (g *Gateway) followConfig(ctx context.Context) {
	var look <-chan time.Time
	if g.o.Drifts {
		look = time.After(firstLook)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.o.Reload:
			g.loadAgain(ctx, true)
		case <-look:
			g.loadAgain(ctx, false)
			look = time.After(laterLook)
		}
	}
}

// loadAgain reads the configuration and has it in force, unless that cannot be. Where nobody asked, only a change is news.
func (g *Gateway) loadAgain(ctx context.Context, asked bool) {
	c, warnings, err := g.o.Load(ctx)
	g.adopting.Lock()
	defer g.adopting.Unlock()
	if !asked && time.Since(g.handed) < notYet {
		return
	}
	if !asked && err == nil && reflect.DeepEqual(c, g.config()) {
		g.state.clear("configuration")
		return
	}
	if err == nil {
		g.note(warnings)
		err = g.adopt(ctx, c)
	}
	switch {
	case err == nil:
		g.state.clear("configuration")
	case g.state.report("configuration", problem{"configuration", "the configuration was refused, the old one is in force: " + err.Error()}) || asked:
		g.log.Error("configuration refused, the old one stays in force", "error", err)
	}
}

func (g *Gateway) note(warnings []config.Warning) {
	for _, w := range warnings {
		g.log.Warn("configuration", "key", w.Key, "note", w.Text)
	}
}

// ownerConfigure puts a document into force that the owner has just set; snapd's configure hook hands it over. What it
// says lasts until the next start: keeping it is the business of whoever handed it over.
func (g *Gateway) ownerConfigure(ctx context.Context, body []byte) (any, error) {
	c, warnings, err := config.Parse(body)
	if err != nil {
		return nil, err
	}
	g.adopting.Lock()
	defer g.adopting.Unlock()
	g.note(warnings)
	if err := g.adopt(ctx, c); err != nil {
		return nil, err
	}
	g.handed = time.Now()
	return control.Done{Done: "the configuration is in force"}, nil
}

// adopt changes only what it must: price, level, plugs and log level without anybody losing his connection; an address
// restarts what listens there; another ledger starts the gateway anew, beside a broker that goes on. The error says why
// the configuration cannot be had; the old one then stays in force. The caller holds adopting.
func (g *Gateway) adopt(ctx context.Context, c config.Config) error {
	old := g.config()
	if _, err := g.terms(c, g.audience()); err != nil {
		return err
	}
	if old.Ledger != c.Ledger { // the cursor, the address and the decimals belong to a ledger
		g.log.Info("another ledger, the gateway starts anew", "from", string(old.Ledger.Network), "to", string(c.Ledger.Network))
		g.startAnew(c)
		return nil
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
	for _, l := range g.web {
		l.follow(old, c)
	}
	g.log.Info("configuration in force", "level", string(c.Publish.Level))
	g.Nudge() // reconcile sees to the broker's listeners
	return nil
}

// again is the cause with which a gateway ends that is to be followed by another one, with this configuration.
type again struct{ config config.Config }

func (*again) Error() string { return "it starts anew" }

// startAnew ends this gateway and has Serve start the next.
func (g *Gateway) startAnew(c config.Config) { g.stop(&again{c}) }

// Serve runs a gateway until ctx ends or it fails. What one gateway cannot change while it runs, the next one begins with:
// another ledger, restored books. The broker and whoever is connected to it stay.
func Serve(ctx context.Context, o Options) error {
	for {
		err := New(o).Run(ctx)
		next, ok := errors.AsType[*again](err)
		if !ok {
			return err
		}
		o.Config = next.config
	}
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
