package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"time"

	"github.com/wattgate/wattgate/daemon"
	"github.com/wattgate/wattgate/daemon/broker"
	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/demo"
	"github.com/wattgate/wattgate/daemon/journal"
	"github.com/wattgate/wattgate/daemon/snap"
	"github.com/wattgate/wattgate/devices/devicestest"
)

// processFlags are the flags of the two services.
type processFlags struct {
	*flags
	dirs   daemon.Dirs
	config string
	demo   bool
}

func newProcessFlags(s Streams, name string) *processFlags {
	f := &processFlags{flags: newFlags(s, name, "--config FILE [--state DIR] [--runtime DIR]")}
	dirFlags(f.flags, &f.dirs)
	f.StringVar(&f.config, "config", "", "the configuration, a JSON `file`; - is standard input (in the snap: what snap set has set)")
	f.BoolVar(&f.demo, "simulated", false, "as `wattgate demo` runs it: averages may go out more often than once a minute")
	return f
}

func (f *processFlags) read(ctx context.Context, args []string) (config.Config, []config.Warning, error) {
	if _, err := f.parse(args, 0, 0); err != nil {
		return config.Config{}, nil, err
	}
	f.dirs = f.dirs.WithDefaults()
	if f.config == "" && !snap.Inside() {
		return config.Config{}, nil, usagef("say where the configuration is: --config FILE ({} is a good first one: private, finds plugs by itself)")
	}
	return f.load(ctx)
}

// load reads the configuration: the file that was named, or in the snap what its owner has set.
func (f *processFlags) load(ctx context.Context) (config.Config, []config.Warning, error) {
	p := config.Parser{Demo: f.demo}
	if f.config != "" {
		return p.Load(f.config)
	}
	document, err := snap.Document(ctx, config.Groups())
	if err != nil {
		return config.Config{}, nil, err
	}
	return p.Parse(document)
}

// drop goes on without root's rights in the snap, where a service starts with them.
func (f *processFlags) drop() error {
	return snap.Drop(map[string]os.FileMode{f.dirs.State: 0o700, f.dirs.Runtime: 0o711})
}

func runGateway(ctx context.Context, s Streams, args []string) error {
	f := newProcessFlags(s, "run")
	c, warnings, err := f.read(ctx, args)
	if err != nil {
		return err
	}
	if err := f.drop(); err != nil {
		return err
	}
	level := new(slog.LevelVar)
	log := slog.New(journal.Stderr(level))
	for _, w := range warnings {
		log.Warn("configuration", "key", w.Key, "note", w.Text)
	}
	return daemon.Serve(ctx, daemon.Options{
		Dirs:    f.dirs,
		Config:  c,
		Load:    f.load,
		Reload:  asked(ctx),
		Drifts:  f.config == "",
		Version: Version(),
		Log:     log,
		Level:   level,
		Step:    crashStep(),
	})
}

// asked passes on each SIGHUP.
func asked(ctx context.Context) <-chan struct{} {
	out := make(chan struct{})
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, hangup)
	go func() {
		defer signal.Stop(hup)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hup:
			}
			select {
			case <-ctx.Done():
			case out <- struct{}{}:
			}
		}
	}()
	return out
}

func runBroker(ctx context.Context, s Streams, args []string) error {
	f := newProcessFlags(s, "broker")
	c, _, err := f.read(ctx, args)
	if err != nil {
		return err
	}
	if err := f.drop(); err != nil {
		return err
	}
	log := slog.New(journal.Stderr(c.Log.Level))
	return broker.Become(broker.Options{
		Dir: f.dirs.Broker(), TLS: f.dirs.TLS(), Conf: c.Broker, Hosts: daemon.CertificateHosts(c), Log: log, Tied: f.demo,
	})
}

func checkConfig(_ context.Context, s Streams, args []string) error {
	f := newFlags(s, "check-config", "FILE")
	keys := f.Bool("keys", false, "print every key, its type, default, range and meaning")
	rest, err := f.parse(args, 0, 1)
	if err != nil {
		return err
	}
	if *keys {
		var t table
		t.row("KEY", "TYPE", "DEFAULT", "RANGE", "MEANING")
		for _, k := range config.Keys() {
			t.row(k.Name, k.Type, k.Default, k.Range, k.About)
		}
		t.write(s.Out)
		return nil
	}
	if len(rest) == 0 {
		return usagef("usage: wattgate check-config FILE")
	}
	_, warnings, err := config.Load(rest[0])
	if err != nil {
		return err
	}
	for _, w := range warnings {
		fmt.Fprintln(s.Out, "note: "+w.String())
	}
	fmt.Fprintln(s.Out, "the configuration is valid")
	return nil
}

func simulateCommand(ctx context.Context, s Streams, args []string) error {
	f := newFlags(s, "simulate", "plug [--serial S] [--name N] [--interface I] [--port N] [--seed N] [faults]")
	var o devicestest.Options
	f.StringVar(&o.Serial, "serial", "", "its serial `number` (default: made from the seed)")
	f.StringVar(&o.Name, "name", "", "its friendly `name`")
	f.StringVar(&o.Interface, "interface", "", "the network `interface` it lives on (default loopback)")
	port := f.Uint("port", 0, "its TCP `port` (default: a free one)")
	f.Int64Var(&o.Seed, "seed", 1, "`number` that shapes its load curve")
	var fault devicestest.Fault
	faultFlags(f, &fault)
	rest, err := f.parse(args, 1, 1)
	if err != nil {
		return err
	}
	if rest[0] != "plug" || *port > 65535 {
		return usagef("usage: wattgate simulate %s", f.args)
	}
	o.Port = uint16(*port)
	p := devicestest.New(o)
	if err := p.Start(ctx); err != nil {
		return err
	}
	if err := p.Break(fault); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "simulated Insight %s at %s; Ctrl-C ends it\n", p.Serial(), p.Addr())
	<-ctx.Done()
	return p.Close()
}

// faultFlags are the ways in which a simulated plug can misbehave.
func faultFlags(f *flags, fault *devicestest.Fault) {
	f.DurationVar(&fault.Delay, "delay", 0, "answer after this `time`")
	f.BoolVar(&fault.Refuse, "refuse", false, "refuse connections")
	f.BoolVar(&fault.Hang, "hang", false, "accept connections and never answer")
	f.IntVar(&fault.Status, "http-status", 0, "answer with this HTTP `status`")
	f.StringVar(&fault.Body, "body", "", "answer with this `text` instead of the right one")
	f.StringVar(&fault.Params, "params", "", "answer with this parameter `string`, e.g. Error")
	f.StringVar(&fault.Redirect, "redirect", "", "answer with a redirect to this `URL`")
	f.IntVar(&fault.Surplus, "surplus", 0, "announce this many `bytes` more than the body has")
	f.BoolVar(&fault.BOM, "bom", false, "begin each body with a byte order mark")
	f.DurationVar(&fault.Drip, "drip", 0, "send bodies byte by byte with this `pause` between them")
	f.BoolVar(&fault.Endless, "endless", false, "send bodies that never end")
	f.StringVar(&fault.UDN, "udn", "", "describe itself as this `UDN`: an impostor")
	f.StringVar(&fault.Location, "location", "", "claim this `URL` as its location when it answers a search")
	f.BoolVar(&fault.Mute, "mute", false, "accept subscriptions and send no events")
	f.BoolVar(&fault.Deaf, "deaf", false, "do not answer searches")
}

func runDemo(ctx context.Context, s Streams, args []string) error {
	f := newFlags(s, "demo", "[flags]")
	o := demo.Options{Out: s.Out, Log: s.Err}
	f.StringVar(&o.State, "state", "", "keep orders, payments and grants in this `directory` (default: one of the user's own)")
	f.IntVar(&o.MQTTPort, "mqtt-port", -1, "MQTT `port`; 0 picks a free one (default 1883, or a free one if it is taken)")
	f.IntVar(&o.TLSPort, "tls-port", -1, "MQTT over TLS `port`; 0 picks a free one (default 8883, or a free one if it is taken)")
	f.IntVar(&o.WebPort, "web-port", -1, "HTTP `port`; 0 picks a free one (default 8080, or a free one if it is taken)")
	f.IntVar(&o.Plugs, "plugs", 3, "how many plugs to simulate, 1 to 50")
	f.StringVar(&o.Amount, "amount", "0.0005", "the price in `IOTA` of one period")
	f.DurationVar(&o.Period, "period", time.Hour, "the `time` one period buys")
	f.DurationVar(&o.AverageEvery, "average-every", time.Minute, "how often the free average goes out")
	f.StringVar(&o.Node, "node", "", "sell on the private Stardust network whose node has this `URL`, not for play money")
	f.StringVar(&o.Address, "address", "", "with --node: the `address` that buyers pay to")
	f.BoolVar(&o.JSON, "json", false, "print `ready` as JSON")
	if _, err := f.parse(args, 0, 0); err != nil {
		return err
	}
	var err error
	if o.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("cannot find this program's own file: %w", err)
	}
	return demo.Run(ctx, o)
}
