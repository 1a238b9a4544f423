package devicestest

import (
	"context"
	"net/netip"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
)

// Options describes one simulated Insight.
type Options struct {
	Serial    string // "" = derived from Seed
	Name      string // friendly name, "" = "WeMo Insight"
	Interface string // network interface to live on, "" = the loopback interface
	Port      uint16 // TCP port, 0 = any free one
	Seed      int64  // of the load curve
	Silent    bool   // do not answer searches
}

// Plug is one simulated Insight.
type Plug struct{ opt Options }

// New prepares a plug. It does no I/O.
func New(o Options) *Plug { return &Plug{opt: o} }

// Start makes the plug appear on the network until Close or the end of ctx.
func (p *Plug) Start(ctx context.Context) error { return nil }

// Addr returns where the plug listens.
func (p *Plug) Addr() netip.AddrPort { return netip.AddrPort{} }

// Serial returns the plug's serial number.
func (p *Plug) Serial() string { return p.opt.Serial }

// UDN returns the plug's unique device name.
func (p *Plug) UDN() string { return "uuid:Insight-1_0-" + p.opt.Serial }

// Fault is what is wrong with a plug; the zero Fault is a plug that works.
type Fault struct {
	Delay    time.Duration // before each answer
	Refuse   bool          // refuse connections
	Hang     bool          // accept and never answer
	Status   int           // HTTP status instead of 200
	Body     string        // this body instead of the right one
	Redirect string        // answer with a redirect to this URL
}

// Break makes the plug fail from now on; Break(Fault{}) heals it.
func (p *Plug) Break(f Fault) {}

// Close takes the plug off the network.
func (p *Plug) Close() error { return nil }

// Curve returns the power that a plug with this seed measures at t.
func Curve(seed int64, t time.Time) driver.Milliwatts { return 0 }
