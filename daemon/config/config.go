package config

import (
	"log/slog"
	"time"
)

// Config is a whole, checked configuration. It is a plain value; the lists are never changed after Parse.
type Config struct {
	Plugs   Plugs
	Publish Publish
	Price   Price
	Ledger  Ledger
	Broker  Broker
	Web     Web
	Public  Public
	Metrics Metrics
	Log     Log
}

// Plugs says which smart plugs are looked for and which count.
type Plugs struct {
	Discover       bool          // search by SSDP
	Interface      string        // search on this network interface only; "" = every usable one
	Addresses      []string      // plugs that a search cannot reach, as host or host:port
	Allow          []string      // serial numbers that count; empty = all
	Events         bool          // subscribe to what the plugs announce
	SampleInterval time.Duration // 500 ms to 5 s in steps of 500 ms
}

// Level is how much strangers may learn.
type Level string

// The levels, from closed to open. Each includes what the one before it allows.
const (
	Private Level = "private" // nothing for outsiders
	Average Level = "average" // outsiders read the averages
	Live    Level = "live"    // and may buy the live stream
)

// Publish says what strangers may learn.
type Publish struct {
	Level        Level
	PerPlug      bool          // single plugs too, not only their sum
	AverageEvery time.Duration // how often an average goes out; whole seconds
}

// Price is what the live stream costs.
type Price struct {
	Amount     string        // IOTA per Period, a positive decimal with at most 9 decimals, exactly as written
	Period     time.Duration // whole seconds, 60 s to 31 days
	MinPeriods int           // the least that is sold at once, >= 1
}

// Network names a ledger. The zero value means that nothing is sold.
type Network string

// The networks.
const (
	Sandbox  Network = "sandbox"  // play money
	Stardust Network = "stardust" // IOTA's ledger until 2025; private networks run on
	Rebased  Network = "rebased"  // IOTA's ledger since 2025: the main network and its test network
)

// Ledger says where payments are seen.
type Ledger struct {
	Network    Network
	Node       string // URL of the node to ask; on Rebased of its GraphQL service
	SecondNode string // URL of a node's JSON-RPC service that has to agree; on Rebased alone, "" = none
	Address    string // where buyers pay to; never a key
}

// Broker says where Mosquitto listens.
type Broker struct {
	Listen         string // IP:port, "" = off
	TLSListen      string // IP:port, "" = off
	MaxConnections int    // clients on Listen at once
}

// Web says where the page and the HTTP API are served.
type Web struct {
	Listen         string // IP:port, "" = off
	TLSListen      string // IP:port, "" = off
	Frontend       string // who serves the page; "" = the gateway itself
	Origins        []string
	TrustedProxies []string
	BasePath       string
}

// Public is how the gateway is called from outside.
type Public struct {
	Host string // host name or IP address that offers name; "" = the address the buyer came by
}

// Metrics says where Prometheus may read.
type Metrics struct {
	Listen string // IP:port, "" = off
}

// Log says how much is logged.
type Log struct {
	Level slog.Level
}

// Default is the configuration of a gateway whose owner has set nothing: it samples the plugs it finds and shows
// strangers nothing.
func Default() Config {
	return Config{
		Plugs:   Plugs{Discover: true, SampleInterval: 500 * time.Millisecond},
		Publish: Publish{Level: Private, AverageEvery: time.Minute},
		Price:   Price{Amount: "0.0005", Period: time.Hour, MinPeriods: 1},
		Broker:  Broker{Listen: "0.0.0.0:1883", TLSListen: "0.0.0.0:8883", MaxConnections: 200},
		Web:     Web{Listen: "0.0.0.0:8080", TLSListen: "0.0.0.0:8443"},
		Log:     Log{Level: slog.LevelInfo},
	}
}
