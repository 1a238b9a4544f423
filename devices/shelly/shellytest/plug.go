package shellytest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
)

// Plug is one simulated Shelly, on the loopback interface.
type Plug struct {
	srv *httptest.Server
	mac string

	mu sync.Mutex // guards what follows
	State
}

// State is what the plug would say.
type State struct {
	On        bool
	PowerW    float64
	EnergyWh  float64
	Bare      bool // a model without a meter
	Protected bool // answers only who it is, and 401 to the rest
}

// Start makes a plug with this MAC, twelve upper-case hex digits, appear until
// Close.
func Start(mac string, s State) *Plug {
	p := &Plug{mac: mac, State: s}
	p.srv = httptest.NewServer(http.HandlerFunc(p.handle))
	return p
}

// Close takes the plug off the network.
func (p *Plug) Close() { p.srv.Close() }

// Addr returns where the plug listens.
func (p *Plug) Addr() netip.AddrPort {
	return netip.MustParseAddrPort(strings.TrimPrefix(p.srv.URL, "http://"))
}

// Serial returns the plug's id, which serves as its serial number.
func (p *Plug) Serial() string { return "shellyplusplugs-" + strings.ToLower(p.mac) }

// Set changes what the plug says.
func (p *Plug) Set(s State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.State = s
}

func (p *Plug) handle(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	s := p.State
	p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Connection", "close")
	switch {
	case r.URL.Path == "/rpc/Shelly.GetDeviceInfo":
		fmt.Fprintf(w, `{"name":"Kettle","id":%q,"mac":%q,"slot":1,"model":"SNPL-00112EU","gen":2,"fw_id":"20241011-114449/1.4.4-g6d2a586","ver":"1.4.4","app":"PlusPlugS","auth_en":%t,"auth_domain":null}`,
			p.Serial(), p.mac, s.Protected)
	case s.Protected:
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path != "/rpc/Switch.GetStatus" || r.URL.Query().Get("id") != "0":
		w.WriteHeader(http.StatusNotFound)
	case s.Bare:
		fmt.Fprintf(w, `{"id":0, "source":"init", "output":%t, "temperature":{"tC":41.2, "tF":106.2}}`, s.On)
	default:
		fmt.Fprintf(w, `{"id":0, "source":"init", "output":%t, "apower":%.1f, "voltage":230.4, "current":0.170, "aenergy":{"total":%.3f,"by_minute":[601.2,598.7,0.0],"minute_ts":1763800000},"temperature":{"tC":41.2, "tF":106.2}}`,
			s.On, s.PowerW, s.EnergyWh)
	}
}
