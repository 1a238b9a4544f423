package daemon

import (
	"context"
	"net"
	"net/netip"
	"reflect"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/rebased"
	"github.com/wattgate/wattgate/billing/stardust"
	"github.com/wattgate/wattgate/daemon/config"
)

// meterRefreshMS is how often a WeMo Insight's meter really has a new value: 2.06 s on average over a day of one plug,
// measured by others; offers say so, because two messages a second do not make two measurements.
const meterRefreshMS = 2000

// productLive is the one product: the live topics.
const productLive = "live"

// terms are what is sold and for how much, from the configuration c and the topics outsiders may buy.
func (g *Gateway) terms(c config.Config, a audience) (billing.Terms, error) {
	network, err := g.network(c.Ledger)
	if err != nil {
		return billing.Terms{}, err
	}
	chain, _ := g.seesLedger()
	t := billing.Terms{
		Network: network,
		Chain:   chain,
		Fee:     fee(c.Ledger),
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

// The decimals of the coin in Stardust, which are those of play money too.
const stardustDecimals = 6

// network is where payments arrive.
func (g *Gateway) network(c config.Ledger) (billing.Network, error) {
	n := billing.Network{Name: string(c.Network), Address: c.Address, Decimals: stardustDecimals, Reference: billing.ReferenceTag}
	var err error
	switch c.Network {
	case config.Sandbox:
		n.Address = "play-money-" + g.identity.Fingerprint()[:16]
	case config.Stardust:
		_, err = stardust.ParseAddress(c.Address)
	case config.Rebased:
		n.Decimals, n.Reference = rebased.Decimals, billing.ReferenceAmount
		n.Address, err = rebased.ParseAddress(c.Address)
	default: // nothing is sold; the names only have to be names
		n.Name, n.Address = "none", "none"
	}
	if err != nil {
		return n, config.Problems{{Key: "ledger.address", Remedy: err.Error()}}
	}
	return n, nil
}

// fee is what the network takes for a payment, in base units.
func fee(c config.Ledger) billing.Units {
	if c.Network == config.Rebased {
		return rebased.TransferFee
	}
	return 0
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
	g.onSale.Store(t.Selling)
	return nil
}

// sells says whether an offer made now has something in it: the shop may not have heard yet of what changed a moment ago.
func (g *Gateway) sells() bool { return g.onSale.Load() && g.audience().selling }

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
