package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Key explains one key of the document.
type Key struct {
	Name    string // full dotted name, as in `snap set`
	Type    string
	Default string // as it would be written; "" = empty
	Range   string // what is allowed, in words
	About   string // one line
}

// Keys lists every key in the order of the documentation.
func Keys() []Key {
	defaults := Default()
	table := settings(false)
	keys := make([]Key, 0, len(table))
	for _, s := range table {
		keys = append(keys, Key{
			Name:    s.name,
			Type:    s.typ,
			Default: plain(s.get(defaults)),
			Range:   s.limits,
			About:   s.about,
		})
	}
	return keys
}

// Groups lists the first parts of the keys.
func Groups() []string {
	var groups []string
	for _, s := range settings(false) {
		group, _, _ := strings.Cut(s.name, ".")
		if !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	return groups
}

// setting is one row of the table below.
type setting struct {
	name string
	kind
	about string
}

// Bounds of lists and figures that the design leaves open.
const (
	maxPlugs      = 256   // the plug registry's own bound
	maxPeriods    = 10000 // more than a year of hours
	maxWebEntries = 32
	day           = 24 * time.Hour
)

// settings is the one table of all keys: what parses, explains and prints them. A demo may average faster
// and sell shorter periods, so that their end can be watched.
func settings(demo bool) []setting {
	fastest := time.Minute
	if demo {
		fastest = time.Second
	}
	return []setting{
		{"plugs.discover", boolean(func(c *Config) *bool { return &c.Plugs.Discover }),
			"search for plugs by SSDP"},
		{"plugs.interface", text(func(c *Config) *string { return &c.Plugs.Interface },
			"a network interface, empty for all usable ones", checkInterface),
			"search on this network interface only"},
		{"plugs.addresses", list(func(c *Config) *[]string { return &c.Plugs.Addresses },
			maxPlugs, "host or host:port", checkAddress),
			"plugs that a search cannot reach"},
		{"plugs.allow", list(func(c *Config) *[]string { return &c.Plugs.Allow }, maxPlugs, "serial numbers", checkSerial),
			"the plugs that count; empty for all"},
		{"plugs.events", boolean(func(c *Config) *bool { return &c.Plugs.Events }),
			"subscribe to what the plugs announce"},
		{"plugs.sample-interval", duration(func(c *Config) *time.Duration { return &c.Plugs.SampleInterval },
			500*time.Millisecond, 5*time.Second, 500*time.Millisecond),
			"time between two readings of a plug"},

		{"publish.level", choice(func(c *Config) *Level { return &c.Publish.Level }, Private, Average, Live),
			"what strangers may learn: nothing, the averages, or also the live stream for money"},
		{"publish.per-plug", boolean(func(c *Config) *bool { return &c.Publish.PerPlug }),
			"show strangers single plugs, not only their sum"},
		{"publish.average-every", duration(func(c *Config) *time.Duration { return &c.Publish.AverageEvery },
			fastest, time.Hour, time.Second),
			"how often an average is published"},

		{"price.amount", text(func(c *Config) *string { return &c.Price.Amount },
			"a decimal above 0, at most 9 decimals", checkAmount),
			"IOTA per period"},
		{"price.period", duration(func(c *Config) *time.Duration { return &c.Price.Period }, fastest, 31*day, time.Second),
			"the time that price.amount buys"},
		{"price.min-periods", whole(func(c *Config) *int { return &c.Price.MinPeriods }, 1, maxPeriods),
			"the least number of periods sold at once"},

		{"ledger.network", choice(func(c *Config) *Network { return &c.Ledger.Network }, "", Sandbox, Stardust, Rebased),
			"the ledger that payments are seen on; empty sells nothing"},
		{"ledger.node", text(func(c *Config) *string { return &c.Ledger.Node }, "a URL", checkNode),
			"the ledger node to ask; on rebased its GraphQL service"},
		{"ledger.second-node", text(func(c *Config) *string { return &c.Ledger.SecondNode }, "a URL", checkNode),
			"on rebased: the JSON-RPC service of another node that has to agree"},
		{"ledger.address", text(func(c *Config) *string { return &c.Ledger.Address },
			"an address, never a key", checkLedgerAddress),
			"where buyers pay to"},

		{"broker.listen", text(func(c *Config) *string { return &c.Broker.Listen }, listenLimits, checkListen),
			"where MQTT is served"},
		{"broker.tls-listen", text(func(c *Config) *string { return &c.Broker.TLSListen }, listenLimits, checkListen),
			"where MQTT over TLS is served"},
		{"broker.max-connections", whole(func(c *Config) *int { return &c.Broker.MaxConnections }, 10, 10000),
			"clients that broker.listen takes at once"},

		{"web.listen", text(func(c *Config) *string { return &c.Web.Listen }, listenLimits, checkListen),
			"where the page, the HTTP API and WebSockets are served"},
		{"web.tls-listen", text(func(c *Config) *string { return &c.Web.TLSListen }, listenLimits, checkListen),
			"the same over TLS"},
		{"web.frontend", text(func(c *Config) *string { return &c.Web.Frontend }, "a name", checkPrintable),
			"who serves the page"},
		{"web.origins", list(func(c *Config) *[]string { return &c.Web.Origins }, maxWebEntries, "origins", checkPrintable),
			"other sites whose pages may use the API"},
		{"web.trusted-proxies", list(func(c *Config) *[]string { return &c.Web.TrustedProxies },
			maxWebEntries, "addresses", checkPrintable),
			"proxies whose forwarded address counts"},
		{"web.base-path", text(func(c *Config) *string { return &c.Web.BasePath }, "a path", checkPrintable),
			"the path under which a proxy serves the page"},

		{"public.host", text(func(c *Config) *string { return &c.Public.Host }, "a host name or an IP address", checkHost),
			"how buyers reach the gateway"},
		{"metrics.listen", text(func(c *Config) *string { return &c.Metrics.Listen }, listenLimits, checkListen),
			"where Prometheus may read"},
		{"log.level", logLevel(),
			"the least important lines that are logged"},
	}
}

// JSON is the configuration as a whole document, every key set. Parse of it gives the same Config.
func (c Config) JSON() []byte {
	out := []byte("{")
	group := ""
	for _, s := range settings(false) {
		g, name, _ := strings.Cut(s.name, ".")
		switch {
		case g == group:
			out = append(out, ",\n"...)
		case group == "":
			out = fmt.Appendf(out, "\n  %q: {\n", g)
		default:
			out = fmt.Appendf(out, "\n  },\n  %q: {\n", g)
		}
		group = g
		value, err := json.Marshal(s.get(c))
		if err != nil {
			value = []byte("null") // strings, numbers and lists of strings: cannot happen
		}
		out = fmt.Appendf(out, "    %q: %s", name, value)
	}
	return append(out, "\n  }\n}\n"...)
}

// plain is a value of the document as a person would type it behind `snap set key=`.
func plain(v any) string {
	if items, ok := v.([]string); ok {
		return strings.Join(items, ",")
	}
	return fmt.Sprint(v)
}
