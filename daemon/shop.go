package daemon

import (
	"context"
	"net"
	"net/netip"
	"reflect"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/daemon/config"
)

// sandboxDecimals makes the default price 500 base units, as on the network the design came from.
const sandboxDecimals = 6

// meterRefreshMS is how often a WeMo Insight's meter really has a new value: 2.06 s on average over a day of one plug,
// measured by others; offers say so, because two messages a second do not make two measurements.
const meterRefreshMS = 2000

// productLive is the one product: the live topics.
const productLive = "live"

// terms are what is sold and for how much, from the configuration c and the topics outsiders may buy.
func (g *Gateway) terms(c config.Config, a audience) (billing.Terms, error) {
	t := billing.Terms{
		Network: g.network(c),
		Product: billing.Product{ID: productLive, Topics: a.paidReadings(), RateHz: int64(time.Second / grid), MeterRefreshMS: meterRefreshMS},
		Selling: a.selling,
		Text:    "Access to the live topics from the moment it is proven for the time paid. Readings come from consumer meters and may be wrong or missing; time already paid is not paid back.",
	}
	if c.Ledger.Network == config.Sandbox {
		t.Text = "Play money: this offer costs nothing and its network does not exist. " + t.Text
	}
	amount, err := billing.ParseUnits(c.Price.Amount, t.Network.Decimals)
	if err != nil {
		return billing.Terms{}, config.Problems{{Key: "price.amount", Value: c.Price.Amount, Remedy: err.Error()}}
	}
	t.Price = billing.Price{Amount: amount, Period: int64(c.Price.Period / time.Second), MinPeriods: int64(c.Price.MinPeriods)}
	t.Endpoints = endpoints(c)
	t.Endpoints.MQTTS, t.Endpoints.TLSSHA256 = g.tlsEndpoint(c)
	return t, nil
}

// network is where payments arrive.
func (g *Gateway) network(c config.Config) billing.Network {
	if c.Ledger.Network == config.Sandbox {
		return billing.Network{Name: billing.SandboxNetwork, Address: "play-money-" + g.identity.Fingerprint()[:16], Decimals: sandboxDecimals}
	}
	// Without a ledger nothing is sold; the names only have to be names.
	return billing.Network{Name: "none", Address: "none", Decimals: sandboxDecimals}
}

// endpoints are the addresses an offer names: those whose host is known. A buyer who found the gateway some other way
// stays on that way.
func endpoints(c config.Config) billing.Endpoints {
	return billing.Endpoints{
		MQTT: endpoint("mqtt://", c.Broker.Listen, c.Public.Host),
		HTTP: endpoint("http://", c.Web.Listen, c.Public.Host),
	}
}

func endpoint(scheme, listen, host string) string {
	own, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" {
		return ""
	}
	if host == "" {
		ip, err := netip.ParseAddr(own)
		if err != nil || ip.IsUnspecified() {
			return ""
		}
		host = own
	}
	return scheme + net.JoinHostPort(host, port)
}

// renewTerms tells the shop what is sold now, if that has changed. Reconcile alone calls it.
func (g *Gateway) renewTerms(ctx context.Context) error {
	t, err := g.terms(g.config(), g.audience())
	if err != nil || reflect.DeepEqual(t, g.sold) {
		return err
	}
	if err := g.shop.SetTerms(ctx, t, g.now()); err != nil {
		return err
	}
	g.sold = t
	return nil
}

// pages reads a list of the shop to its end.
func pages[T any](ctx context.Context, page func(context.Context, int64) ([]T, error), id func(T) int64) ([]T, error) {
	var all []T
	for after := int64(0); ; {
		rows, err := page(ctx, after)
		if err != nil || len(rows) == 0 {
			return all, err
		}
		all = append(all, rows...)
		after = id(rows[len(rows)-1])
	}
}
