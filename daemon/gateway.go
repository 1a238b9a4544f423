package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/sandbox"
	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/journal"
	"github.com/wattgate/wattgate/daemon/readings"
	"github.com/wattgate/wattgate/devices"
)

// Options is what a Gateway is made of.
type Options struct {
	Dirs    Dirs
	Config  config.Config
	Load    func(context.Context) (config.Config, []config.Warning, error) // reads the configuration again
	Reload  <-chan struct{}                                                // the owner asks for that
	Drifts  bool                                                           // what Load reads may change without a word
	Version string
	Log     *slog.Logger
	Level   *slog.LevelVar // log.level acts on it
	Notify  journal.Notifier
	// Step is called between the steps of a credit and of an apply. Nil in a product; tests kill the process there.
	Step func(name string)
}

// Gateway is the daemon.
type Gateway struct {
	o   Options
	log *slog.Logger
	run string // names this run in every live message

	cfg   atomic.Pointer[config.Config]
	state *stateKeeper
	nudge chan struct{} // holds at most one: "something changed, look again"
	alive atomic.Int64  // when reconcile last went round, Unix nanoseconds

	// Set by open before any goroutine starts, then read only.
	store    *billing.Store
	shop     *billing.Shop
	clock    *billing.Clock
	identity *billing.Identity
	ledger   billing.Ledger // nil: nothing is sold
	sandbox  *sandbox.Ledger

	runLedger func(context.Context) // what the ledger does besides answering; nil: nothing
	readings  *readings.Store
	fleet     *devices.Fleet
	gate      *acl.Gate
	link      *link
	web       []*listener // for HTTP, by its key
	metrics   *metrics

	accounts   atomic.Int64           // accounts in the last apply
	onSale     atomic.Bool            // the shop has been told to sell
	ledgerSeen atomic.Int64           // when the ledger last answered, Unix milliseconds
	chain      atomic.Pointer[string] // of the ledger, once it is known to be the one of the books

	broken atomic.Pointer[string] // a breach reconcile has to mend
	sold   billing.Terms          // owned by reconcile: what the shop was told last

	feed    feed    // of the live stream, to readers over HTTP
	flood   flood   // of orders
	untidy  bool    // owned by reconcile: an apply left memory behind
	inForce inForce // owned by reconcile: what the last apply was made of

	holdings chan withheld // changes between serving and withholding, for the books
	holding  string        // owned by publish: why readings are withheld, empty while they go out

	counters counters // owned by publish once open has returned

	moving   sync.Mutex              // held while a backup is made or taken
	adopting sync.Mutex              // held while a configuration is put into force; guards handed
	handed   time.Time               // when a configuration was handed over last
	stop     context.CancelCauseFunc // ends the run; set by Run before any goroutine starts
	starts   brokerStarts            // owned by reconcile: restarts for the sake of the broker's listeners

	publishing sync.Mutex // held while a slot goes out, and while what may go out changes
	averaged   time.Time  // owned by publish: the end of the last average
}

// New prepares a gateway. It does no I/O.
func New(o Options) *Gateway {
	g := &Gateway{o: o, log: o.Log, state: newStateKeeper(), nudge: make(chan struct{}, 1), holdings: make(chan withheld, withheldQueue), run: newRun()}
	g.cfg.Store(&o.Config)
	g.state.setLevel(o.Config.Publish.Level)
	o.Level.Set(o.Config.Log.Level)
	return g
}

// Run opens everything, serves until ctx ends, and closes everything. An error says why it could not go on.
func (g *Gateway) Run(ctx context.Context) error {
	if err := g.open(ctx); err != nil {
		return err
	}
	defer g.close()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	g.stop = cancel
	var wg sync.WaitGroup
	must := func(what string, run func(context.Context) error) {
		wg.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("%s ended: %w", what, err))
			}
		})
	}
	// Before reconcile may have the clock confirmed: nobody was served since the last time the books know.
	g.noteWithheld("the gateway is starting")
	must("the fleet", g.fleet.Run)
	must("the watch", g.gate.Run)
	must("the control socket", g.serveControl)
	wg.Go(func() { g.clock.Run(ctx) })
	wg.Go(func() { g.reconcile(ctx) })
	wg.Go(func() { g.recordWithheld(ctx) })
	wg.Go(func() { g.feed.end(ctx) })
	wg.Go(func() { g.publish(ctx) })
	wg.Go(func() { g.watchLedger(ctx) })
	if g.runLedger != nil {
		wg.Go(func() { g.runLedger(ctx) })
	}
	wg.Go(func() { g.takeOrders(ctx) })
	for _, l := range g.web {
		wg.Go(func() { l.run(ctx) })
	}
	wg.Go(func() { g.followConfig(ctx) })
	wg.Go(func() { g.keepCertificate(ctx) })
	wg.Go(func() { g.o.Notify.RunWatchdog(ctx, g.isAlive, g.hangs) })
	g.o.Notify.Ready()
	g.log.Info("gateway started", "version", g.o.Version, "level", g.config().Publish.Level, "gateway", g.identity.Fingerprint())

	wg.Wait()
	why := context.Cause(ctx)
	if _, ok := errors.AsType[*again](why); ok {
		return why
	}
	g.o.Notify.Stopping()
	if errors.Is(why, context.Canceled) {
		g.log.Info("gateway stops", "why", "it was asked to")
		return nil
	}
	g.log.Error("gateway stops", "why", why)
	return why
}

// open makes the islands from what is on disk.
func (g *Gateway) open(ctx context.Context) error {
	d := g.o.Dirs
	if err := os.MkdirAll(d.State, 0o700); err != nil {
		return fmt.Errorf("cannot make the state directory: %w (create it, owned by the user wattgate runs as, or name another with --state)", err)
	}
	var err error
	if err = bringIn(d.State); err != nil {
		return err
	}
	if g.identity, err = billing.LoadIdentity(d.Identity()); err != nil {
		return err
	}
	if g.store, err = billing.Open(ctx, d.Database(), billing.Options{Log: g.log, Step: g.o.Step}); err != nil {
		return err
	}
	if g.clock, err = billing.OpenClock(ctx, g.store, g.log); err != nil {
		g.close()
		return err
	}
	if g.readings, err = readings.Open(ctx, d.Readings(), g.log); err != nil {
		g.close()
		return err
	}
	if err := g.openLedger(); err != nil {
		g.close()
		return err
	}
	g.metrics = newMetrics(g)
	g.web = []*listener{
		newListener(g, "web.listen", func(c config.Config) string { return c.Web.Listen }, g.webHandler()),
		newListener(g, "metrics.listen", func(c config.Config) string { return c.Metrics.Listen }, g.metrics.handler()),
	}
	energy, err := g.loadEnergy(ctx)
	if err != nil {
		g.close()
		return err
	}
	g.fleet = devices.New(devices.Options{Config: fleetConfig(g.config()), Energy: energy, Log: g.log})
	if err := g.openShop(); err != nil {
		g.close()
		return err
	}
	if g.sandbox != nil {
		// Play money needs no node that answers: it is sold from the first moment.
		if err := g.pin(ctx); err != nil {
			g.close()
			return err
		}
		g.ledgerSeen.Store(time.Now().UnixMilli())
	}
	g.gate = acl.New(acl.Config{Dir: d.Broker(), Log: g.log, Step: g.o.Step})
	publisher, password := g.gate.Publisher()
	g.link = newLink(d.BrokerSocket(), publisher.Name, password, g.Nudge, g.log)
	g.showLastAverage(ctx)
	return nil
}

func (g *Gateway) openShop() error {
	terms, err := g.terms(g.config(), g.audience())
	if err != nil {
		return err
	}
	if g.shop, err = billing.NewShop(g.store, g.identity, terms, g.log); err != nil {
		return err
	}
	g.shop.SetClock(g.clock)
	return nil
}

// close stores what must survive and lets go of everything, in the order in which it depends on each other.
func (g *Gateway) close() {
	if g.link != nil {
		g.link.close()
	}
	if g.fleet != nil {
		_, energy := g.fleet.Energy()
		// The context of Run has ended by now; storing the counters must not.
		if err := g.saveEnergy(context.Background(), energy); err != nil {
			g.log.Error("cannot store the energy counters", "error", err)
		}
	}
	if g.readings != nil {
		if err := g.readings.Close(); err != nil {
			g.log.Error("cannot close the readings", "error", err)
		}
	}
	if g.store != nil {
		if err := g.store.Close(); err != nil {
			g.log.Error("cannot close the database", "error", err)
		}
	}
}

// Nudge has the rights looked at again, soon. It never blocks.
func (g *Gateway) Nudge() {
	select {
	case g.nudge <- struct{}{}:
	default:
	}
}

// isAlive says whether reconcile went round within the last 20 seconds; it does at least once a second, and a broker
// that hangs holds it up for 10.
func (g *Gateway) isAlive() bool {
	return time.Since(time.Unix(0, g.alive.Load())) < 20*time.Second
}

// hangs ends the process: nothing inside it can be trusted to stop in order, and its supervisor starts it again.
func (g *Gateway) hangs() {
	g.log.Error("gateway hangs, it ends itself to be started again")
	os.Exit(1)
}

func (g *Gateway) config() config.Config { return *g.cfg.Load() }

// audience is who may see what, as configured now.
func (g *Gateway) audience() audience {
	c := g.config()
	_, sees := g.seesLedger()
	a := audience{
		level:   c.Publish.Level,
		selling: c.Publish.Level == config.Live && sees,
		perPlug: c.Publish.PerPlug,
		flooded: g.flood.now(time.Now()),
	}
	if a.perPlug {
		for _, s := range g.fleet.Sample(time.Now()) {
			a.plugs = append(a.plugs, g.readings.PlugID(s.UDN, s.Serial))
		}
	}
	return a
}

func fleetConfig(c config.Config) devices.Config {
	return devices.Config{
		Discover:  c.Plugs.Discover,
		Interface: c.Plugs.Interface,
		Addresses: c.Plugs.Addresses,
		Allow:     c.Plugs.Allow,
		Events:    c.Plugs.Events,
		Interval:  c.Plugs.SampleInterval,
	}
}
