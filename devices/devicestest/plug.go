package devicestest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Options describes one simulated Insight.
type Options struct {
	Serial    string // "" = derived from Seed
	Name      string // friendly name, "" = "WeMo Insight"
	Interface string // network interface to live on, "" = the loopback interface
	Port      uint16 // TCP port, 0 = any free one
	Seed      int64  // of the load curve
	Silent    bool   // do not answer searches, as real plugs sometimes stop doing
}

// Fault is what is wrong with a plug; the zero Fault is a plug that works.
type Fault struct {
	Delay    time.Duration // before each answer
	Refuse   bool          // refuse connections, as firmware 11532 does for up to 17 minutes
	Hang     bool          // accept and never answer
	Status   int           // answer with this HTTP status instead of 200
	Body     string        // answer with this body instead of the right one
	Params   string        // answer with this parameter string: of 8 or 10 fields, "Error", nonsense
	Redirect string        // answer with a redirect to this URL
	Surplus  int           // announce this many bytes more than the body has
	BOM      bool          // begin each body with a byte order mark
	Drip     time.Duration // send the body byte by byte with this pause between them
	Endless  bool          // the body never ends
	UDN      string        // describe itself as this one: an impostor, or another plug at the old address
	Location string        // claim this URL as its location when it answers a search
	Mute     bool          // accept subscriptions and send no events
	Deaf     bool          // do not answer searches, as real plugs sometimes stop doing
}

// maxKinds bounds what a plug remembers of its requests.
const maxKinds = 64

// Plug is one simulated Insight.
type Plug struct {
	opt Options
	ifi *net.Interface // owned by Start
	own netip.Prefix   // owned by Start

	events chan struct{} // capacity 1: send an event now
	subs   subscriptions

	mu     sync.Mutex // guards what follows
	fault  Fault
	asked  map[string]int // requests by "METHOD path action", at most maxKinds kinds
	meter  *meter
	addr   netip.AddrPort
	http   *service
	search *responder
	stop   func() bool // detaches from Start's context
	quiet  func()      // ends the events and waits
}

// New prepares a plug. It does no I/O.
func New(o Options) *Plug {
	if o.Serial == "" {
		o.Serial = fmt.Sprintf("SIM%08X", uint32(o.Seed))
	}
	if o.Name == "" {
		o.Name = "WeMo Insight"
	}
	return &Plug{opt: o, events: make(chan struct{}, 1), asked: map[string]int{}}
}

// Start makes the plug appear on the network until Close or the end of ctx.
func (p *Plug) Start(ctx context.Context) error {
	if err := p.locate(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meter = newMeter(p.opt.Seed, time.Now())
	p.addr = netip.AddrPortFrom(p.own.Addr(), p.opt.Port)
	if err := p.listen(); err != nil {
		return err
	}
	if !p.opt.Silent {
		r, err := respond(p)
		if err != nil {
			p.http.close()
			return err
		}
		p.search = r
	}
	ectx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.send(ectx)
	}()
	p.quiet = func() { cancel(); <-done }
	p.stop = context.AfterFunc(ctx, func() { p.Close() })
	return nil
}

// locate finds the interface and its address.
func (p *Plug) locate() error {
	all, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("cannot start simulated plug: %w", err)
	}
	for _, ifi := range all {
		if name := p.opt.Interface; ifi.Name != name && (name != "" || ifi.Flags&net.FlagLoopback == 0) {
			continue
		}
		addrs, _ := ifi.Addrs() // without addresses the search below fails, and says so
		for _, a := range addrs {
			if n, err := netip.ParsePrefix(a.String()); err == nil && n.Addr().Is4() {
				p.ifi, p.own = &ifi, n
				return nil
			}
		}
	}
	return fmt.Errorf("cannot start simulated plug: interface %q is not there or has no IPv4 address", p.opt.Interface)
}

// listen opens the TCP side at p.addr. The caller holds mu.
func (p *Plug) listen() error {
	l, err := net.Listen("tcp4", p.addr.String())
	if err != nil {
		return fmt.Errorf("cannot start simulated plug: %w", err)
	}
	p.addr = l.Addr().(*net.TCPAddr).AddrPort()
	p.http = serve(p, l)
	return nil
}

// Addr returns where the plug listens, once it is started.
func (p *Plug) Addr() netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addr
}

// Serial returns the plug's serial number.
func (p *Plug) Serial() string { return p.opt.Serial }

// UDN returns the plug's unique device name.
func (p *Plug) UDN() string { return "uuid:Insight-1_0-" + p.opt.Serial }

// Break makes the plug fail from now on; Break(Fault{}) heals it. It fails
// only if another program took the port of a plug that refused connections.
func (p *Plug) Break(f Fault) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
	if f.Refuse && p.http != nil {
		p.http.close()
		p.http = nil
	}
	if !f.Refuse && p.http == nil {
		return p.listen()
	}
	return nil
}

// Switch turns the relay on or off, as a hand on the plug's button would.
func (p *Plug) Switch(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meter.advance(time.Now())
	p.meter.relay, p.meter.switched = on, time.Now()
}

// Asked returns how often its meter was read.
func (p *Plug) Asked() int {
	return p.Requests()["POST /upnp/control/insight1 GetInsightParams"]
}

// Requests returns what was asked of it and how often: method, path and, if there
// is one, the SOAP action. It knows 64 kinds of requests; further ones are lost.
func (p *Plug) Requests() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.asked)
}

// note counts a request.
func (p *Plug) note(method, path, action string) {
	_, action, _ = strings.Cut(strings.Trim(action, `"`), "#")
	kind := strings.TrimSpace(method + " " + path + " " + action)
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.asked[kind]; known || len(p.asked) < maxKinds {
		p.asked[kind]++
	}
}

// Reset sets the plug's counters to zero, as holding its button while it is
// plugged in does.
func (p *Plug) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meter.advance(time.Now())
	p.meter.today, p.meter.total = 0, 0
}

// Move lets the plug listen on another TCP port, 0 = any free one, as a plug may
// after a restart. If that port is taken it listens nowhere.
func (p *Plug) Move(port uint16) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.http != nil {
		p.http.close()
		p.http = nil
	}
	p.addr = netip.AddrPortFrom(p.addr.Addr(), port)
	return p.listen()
}

// Close takes the plug off the network.
func (p *Plug) Close() error {
	p.mu.Lock()
	s, r, quiet := p.http, p.search, p.quiet
	p.http, p.search, p.quiet = nil, nil, nil
	if p.stop != nil {
		p.stop()
	}
	p.mu.Unlock()
	if quiet != nil {
		quiet()
	}
	var errs []error
	if r != nil {
		errs = append(errs, r.close())
	}
	if s != nil {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}
