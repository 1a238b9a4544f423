package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/wattgate/wattgate/daemon"
	"github.com/wattgate/wattgate/daemon/broker"
	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/journal"
	"github.com/wattgate/wattgate/daemon/supervise"
	"github.com/wattgate/wattgate/devices/devicestest"
)

// Options is what a demo is made of. A port of -1 is the usual one if it is free, 0 any free one.
type Options struct {
	State        string // "" = a directory of the user's own, another one for each demo that runs
	MQTTPort     int
	TLSPort      int
	WebPort      int
	Plugs        int    // 1 to 50
	Amount       string // price in IOTA
	Period       time.Duration
	AverageEvery time.Duration
	Node         string // of a private Stardust network; "" = the sandbox with its play money
	Address      string // with Node: where buyers pay to
	JSON         bool
	Program      string // path of the wattgate binary
	Out          io.Writer
	Log          io.Writer
}

// Run runs the demo until ctx ends, and ends every process it started.
func Run(ctx context.Context, o Options) error {
	if _, err := broker.Find(); err != nil {
		return err
	}
	state, unlock, err := claim(o.State)
	if err != nil {
		return err
	}
	defer unlock()
	d := &demo{Options: o, dirs: daemon.Dirs{State: state, Runtime: state}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	plugs, err := d.startPlugs(ctx)
	if err != nil {
		return err
	}
	defer func() {
		for _, p := range plugs {
			_ = p.Close()
		}
	}()
	// After the plugs took theirs: one of them could get a port that was only just found free.
	if err := d.choosePorts(); err != nil {
		return err
	}
	if err := d.writeConfig(plugs); err != nil {
		return err
	}
	if err := d.seedHistory(ctx); err != nil {
		return err
	}
	return d.supervise(ctx, cancel)
}

// demo is one run; its fields are set before anything starts.
type demo struct {
	Options
	dirs     daemon.Dirs
	mqttPort int
	tlsPort  int
	webPort  int
}

func (d *demo) configFile() string { return filepath.Join(d.dirs.State, "demo.json") }

// supervise runs broker and gateway until ctx ends, and announces the demo once it serves.
func (d *demo) supervise(ctx context.Context, cancel context.CancelFunc) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	var failed error
	wg.Go(func() {
		if err := d.announce(ctx); err != nil && ctx.Err() == nil {
			failed = err
			cancel()
		}
	})
	// One writer for both processes' lines, so that they do not tear each other's apart.
	out := &lines{w: d.Log}
	args := func(command string) []string {
		return []string{d.Program, command, "--simulated", "--config", d.configFile(), "--state", d.dirs.State, "--runtime", d.dirs.Runtime}
	}
	err := supervise.Run(ctx, []supervise.Process{
		{Name: "broker", Args: args("broker"), Output: out, Prefix: "mosquitto: "},
		{Name: "gateway", Args: args("run"), Output: out},
	}, slog.New(journal.New(out, false, slog.LevelInfo)))
	cancel()
	wg.Wait()
	return errors.Join(err, failed)
}

// lines is a writer that several may use.
type lines struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// startPlugs makes the simulated Insights appear on the loopback interface.
func (d *demo) startPlugs(ctx context.Context) ([]*devicestest.Plug, error) {
	if d.Plugs < 1 || d.Plugs > 50 {
		return nil, fmt.Errorf("cannot simulate %d plugs: choose 1 to 50", d.Plugs)
	}
	// The serials stay the same for one state directory, so that energy counters and names go on, and differ from
	// those of every other demo.
	owner, err := d.serialPrefix()
	if err != nil {
		return nil, err
	}
	var plugs []*devicestest.Plug
	for i := range d.Plugs {
		p := devicestest.New(devicestest.Options{
			Serial: fmt.Sprintf("%s%02d", owner, i+1),
			Name:   names[i%len(names)],
			Seed:   int64(i + 1),
		})
		if err := p.Start(ctx); err != nil {
			for _, started := range plugs {
				_ = started.Close()
			}
			return nil, fmt.Errorf("cannot simulate a plug: %w", err)
		}
		plugs = append(plugs, p)
	}
	return plugs, nil
}

// names are friendly names as people give them; outsiders never see them.
var names = [...]string{"Fridge", "Desk", "Washing machine", "TV corner", "Aquarium"}

// writeConfig writes the configuration both processes read.
func (d *demo) writeConfig(plugs []*devicestest.Plug) error {
	var serials []string
	for _, p := range plugs {
		serials = append(serials, p.Serial())
	}
	type object = map[string]any
	ledger := object{"network": string(config.Sandbox)}
	if d.Node != "" {
		ledger = object{"network": string(config.Stardust), "node": d.Node, "address": d.Address}
	}
	doc, err := json.MarshalIndent(object{
		"plugs":   object{"interface": "lo", "allow": serials},
		"publish": object{"level": "live", "average-every": d.AverageEvery.String()},
		"price":   object{"amount": d.Amount, "period": d.Period.String()},
		"ledger":  ledger,
		"broker":  object{"listen": local(d.mqttPort), "tls-listen": local(d.tlsPort), "max-connections": 1000},
		"web":     object{"listen": local(d.webPort), "tls-listen": ""},
		"public":  object{"host": "127.0.0.1"},
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write the demo's configuration: %w", err)
	}
	if err := os.WriteFile(d.configFile(), append(doc, '\n'), 0o600); err != nil {
		return fmt.Errorf("cannot write the demo's configuration: %w", err)
	}
	// The processes would refuse it too, again and again.
	if _, _, err := (config.Parser{Demo: true}).Parse(doc); err != nil {
		return fmt.Errorf("cannot start such a demo:\n%w", err)
	}
	return nil
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
