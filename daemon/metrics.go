package daemon

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/devices"
)

// metrics are the counters that grow where things happen; what can be asked for at a scrape, gauges collects then.
// docs/metrics.md explains each.
type metrics struct {
	registry *prometheus.Registry
	slots    *prometheus.CounterVec // by result: sent, withheld, skipped
	check    prometheus.Histogram
	window   prometheus.Histogram
	breaches prometheus.Counter
	restarts prometheus.Counter
	withheld prometheus.Counter
	orders   *prometheus.CounterVec // by result: taken, refused
	changes  *prometheus.CounterVec // of rights and money, by kind
}

// latencyBuckets lie around the figures the design asks for: a check well below a millisecond, a window of at most two.
func latencyBuckets() []float64 {
	return []float64{.0001, .0002, .0005, .001, .002, .005, .01, .05, .25}
}

func newMetrics(g *Gateway) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "wattgate_" + name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wattgate_" + name, Help: help}, []string{label})
	}
	seconds := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "wattgate_" + name, Help: help, Buckets: latencyBuckets()})
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		slots:    vec("slots_total", "Publishing slots of 500 ms, by what became of them.", "result"),
		check:    seconds("gate_check_seconds", "Time the proof before a slot took."),
		window:   seconds("gate_window_seconds", "Time between the watch's answer and the last paid message of the slot."),
		breaches: counter("gate_breaches_total", "Times the broker or its files did not obey."),
		restarts: counter("broker_restarts_total", "Times the gateway had the broker started afresh."),
		withheld: counter("withheld_seconds_total", "Time during which readings were withheld."),
		orders:   vec("orders_total", "Sealed orders, by what became of them.", "result"),
		changes:  vec("changes_total", "Decisions about money and rights, by kind.", "kind"),
	}
	m.registry.MustRegister(m.slots, m.check, m.window, m.breaches, m.restarts, m.withheld, m.orders, m.changes,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &gauges{g})
	return m
}

// gauges asks the parts of the gateway at each scrape.
type gauges struct{ g *Gateway }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("wattgate_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector: which metrics come depends on the plugs, so none is announced.
func (c *gauges) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *gauges) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	total := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	now := c.g.state.get()
	state := describe("state", "1 for the state the gateway is in.", "state")
	for _, s := range []string{control.StateServing, control.StatePrivate, control.StateDegraded, control.StateWithheld} {
		gauge(state, flag(now.state == s), s)
	}
	gate := c.g.gate.Status()
	gauge(describe("rights_proven", "1 while the rights are proven to be in force."), flag(gate.Proven))
	total(describe("broker_reloads_total", "SIGHUPs sent to the broker."), float64(gate.Reloads))
	total(describe("broker_signals_repeated_total", "SIGHUPs that followed one without effect."), float64(gate.SignalsRepeated))
	gauge(describe("accounts", "Accounts that may log in now."), float64(c.g.accounts.Load()))
	if ms := c.g.ledgerSeen.Load(); ms > 0 {
		gauge(describe("ledger_seen_timestamp_seconds", "When the ledger last answered."), float64(ms)/1000)
	}
	c.plugs(gauge, total)
}

// plugs tells about each expected plug by the id that topics use.
func (c *gauges) plugs(gauge, total func(*prometheus.Desc, float64, ...string)) {
	power := describe("plug_power_watts", "Current reading; absent while it is unknown.", "plug")
	energy := describe("plug_energy_watthours_total", "Cumulative energy; never falls.", "plug")
	health := describe("plug_up", "1 while the plug answers.", "plug")
	missed := describe("plug_slots_missed_total", "Readings skipped because the one before took too long.", "plug")
	failed := describe("plug_reads_failed_total", "Readings that failed.", "plug")
	for _, p := range c.g.fleet.Plugs() {
		if !p.Metered || !p.Allowed {
			continue
		}
		id := c.g.readings.PlugID(p.UDN, p.Serial)
		gauge(health, flag(p.Health == devices.Online || p.Health == devices.Degraded), id)
		total(missed, float64(p.Missed), id)
		total(failed, float64(p.Failed), id)
		if p.Last.HasEnergy {
			total(energy, p.Last.Energy.WattHours(), id)
		}
		if p.Last.Known && time.Since(p.Last.At) <= devices.MaxHold {
			gauge(power, float64(p.Last.Power)/1000, id)
		}
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// slot counts what became of one publishing slot.
func (m *metrics) slot(v acl.State) {
	switch v {
	case acl.Open:
		m.slots.WithLabelValues("sent").Inc()
	case acl.Silent:
		m.slots.WithLabelValues("skipped").Inc()
	default:
		m.slots.WithLabelValues("withheld").Inc()
	}
}

// handler answers Prometheus.
func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	return mux
}
