package daemon

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/daemon/broker"
	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/devices"
)

// serveControl answers the owner's commands. The table is the whole API.
func (g *Gateway) serveControl(ctx context.Context) error {
	return control.Serve(ctx, g.o.Dirs.ControlSocket(), []control.Route{
		{Pattern: "GET /v1/status", Access: control.Anyone, Call: g.ownerGetStatus},
		{Pattern: "GET /v1/plugs", Access: control.Owner, Call: g.ownerPlugs},
		{Pattern: "POST /v1/plugs/name", Access: control.Owner, Call: g.ownerNamePlug},
		{Pattern: "GET /v1/grants", Access: control.Owner, Call: g.ownerGrants},
		{Pattern: "POST /v1/grants", Access: control.Owner, Call: g.ownerAddGrant},
		{Pattern: "POST /v1/grants/revoke", Access: control.Owner, Call: g.ownerRevoke},
		{Pattern: "GET /v1/orders", Access: control.Owner, Call: g.ownerOrders},
		{Pattern: "GET /v1/payments", Access: control.Owner, Call: g.ownerPayments},
		{Pattern: "POST /v1/clock/accept", Access: control.Owner, Call: g.ownerAcceptClock},
		{Pattern: "GET /v1/tls", Access: control.Owner, Call: g.ownerTLS},
		{Pattern: "POST /v1/tls", Access: control.Owner, Call: g.ownerSetTLS},
		{Pattern: "GET /v1/backup", Access: control.Owner, Send: g.ownerBackup},
		{Pattern: "POST /v1/restore", Access: control.Owner, Take: g.ownerRestore},
		{Pattern: "POST /v1/ledger/accept", Access: control.Owner, Call: g.ownerAcceptLedger},
		{Pattern: "GET /v1/payments.csv", Access: control.Owner, Send: g.ownerExportPayments},
		{Pattern: "GET /v1/addresses", Access: control.Owner, Call: g.ownerAddresses},
		{Pattern: "POST /v1/addresses", Access: control.Owner, Call: g.ownerImportAddresses},
		{Pattern: "POST /v1/config", Access: control.Owner, Call: g.ownerConfigure},
		{Pattern: "POST /v1/payments/assign", Access: control.Owner, Call: g.ownerAssign},
	}, g.log)
}

func (g *Gateway) ownerGetStatus(context.Context, []byte) (any, error) { return g.ownerStatus(), nil }

// brokerListeners tells what the broker could bind when it started.
func (g *Gateway) brokerListeners() []control.Listener {
	all, err := broker.Listeners(g.o.Dirs.Broker())
	if err != nil {
		g.log.Debug("cannot tell the broker's listeners", "error", err)
		return nil
	}
	out := make([]control.Listener, 0, len(all)+1)
	for _, l := range all {
		if l.Key == broker.KeyWebSockets && l.Problem == "" {
			continue // an inner affair, reached through the web front
		}
		out = append(out, listenerOf(l.Key, l.Address, l.Problem))
	}
	return out
}

// listeners is every address the configuration names.
func (g *Gateway) listeners() []control.Listener {
	out := g.brokerListeners()
	for _, l := range g.web {
		if row := l.row(); row.Address != "" {
			out = append(out, row)
		}
	}
	return out
}

// listenerOf adds to a listener that is off the command that moves it.
func listenerOf(key, address, problem string) control.Listener {
	l := control.Listener{Name: key, Address: address, Problem: problem}
	if problem != "" {
		l.Remedy = "move it: " + setting(key, "0.0.0.0:PORT")
	}
	return l
}

func (g *Gateway) ownerPlugs(ctx context.Context, _ []byte) (any, error) {
	names, err := g.readings.Names(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	plugs := g.fleet.Plugs()
	out := make([]control.Plug, 0, len(plugs))
	for _, p := range plugs {
		row := plugRow(p, now)
		row.Name = names[p.Serial]
		if p.Metered {
			row.ID = g.readings.PlugID(p.UDN, p.Serial)
		}
		out = append(out, row)
	}
	return out, nil
}

// plugRow is a plug as its owner sees it, without the names that readings knows.
func plugRow(p devices.Plug, now time.Time) control.Plug {
	row := control.Plug{
		Serial: p.Serial, Friendly: p.FriendlyName, Brand: p.Brand, Model: p.Model, Firmware: p.Firmware,
		Address: p.Address, State: p.Health.String(), Relay: p.Last.Relay.String(), RateHz: decimals(p.Rate, 2),
		Missed: p.Missed, Failed: p.Failed, Counts: p.Metered && p.Allowed, Events: p.Events, Since: p.Since, Problem: p.Problem,
	}
	if !p.Last.At.IsZero() {
		row.PowerW, row.AgeMS = watts(p.Last.Power), milliseconds(now.Sub(p.Last.At))
	}
	return row
}

// ScanPlugs looks for plugs once, without a running gateway.
func ScanPlugs(ctx context.Context, iface string) ([]control.Plug, error) {
	plugs, err := devices.Scan(ctx, devices.Config{Discover: true, Interface: iface}, nil)
	if err != nil {
		return nil, err
	}
	out := make([]control.Plug, 0, len(plugs))
	for _, p := range plugs {
		out = append(out, plugRow(p, time.Now()))
	}
	return out, nil
}

func (g *Gateway) ownerNamePlug(ctx context.Context, body []byte) (any, error) {
	var req control.NamePlug
	if err := control.Decode(body, &req); err != nil {
		return nil, err
	}
	if err := g.readings.SetName(ctx, req.Serial, req.Name); err != nil {
		return nil, err
	}
	// What was retained under the old name would never be updated again.
	g.link.retainOnly(prefixPlug, nil)
	g.log.Info("plug named", "serial", req.Serial, "name", req.Name)
	g.Nudge()
	return control.Done{Done: fmt.Sprintf("plug %s is now called %s", req.Serial, req.Name)}, nil
}

func (g *Gateway) ownerGrants(ctx context.Context, _ []byte) (any, error) {
	grants, err := pages(ctx, g.shop.Grants, func(x billing.Grant) int64 { return x.ID })
	if err != nil {
		return nil, err
	}
	out := make([]control.Grant, 0, len(grants))
	for _, x := range grants {
		out = append(out, grantRow(x))
	}
	return out, nil
}

func grantRow(x billing.Grant) control.Grant {
	return control.Grant{
		Username: x.Username, State: string(x.State), Start: timeOrNil(x.Start), End: timeOrNil(x.End),
		Reason: x.Reason, Owner: x.Owner, WithheldS: decimals(x.Withheld.Seconds(), 1),
	}
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

func (g *Gateway) ownerAddGrant(ctx context.Context, body []byte) (any, error) {
	var req control.AddGrant
	if err := control.Decode(body, &req); err != nil {
		return nil, err
	}
	grant, password, err := g.shop.AddGrant(ctx, req.Username, time.Duration(req.Seconds)*time.Second, req.Reason, g.now())
	if err != nil {
		return nil, ownerError(err)
	}
	g.log.Info("owner's user added", "user", grant.Username)
	g.Nudge()
	// The password is good once the broker obeys; a second is plenty, and a later proof is still a proof.
	row := grantRow(grant)
	if active, ok := g.awaitActive(ctx, grant.ID); ok {
		row = active
	}
	return control.NewGrant{Grant: row, Password: password}, nil
}

// awaitActive waits until a grant is proven, so that the password just printed works when it is tried.
func (g *Gateway) awaitActive(ctx context.Context, id int64) (control.Grant, bool) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		grants, err := g.shop.Grants(ctx, id-1)
		if err != nil || len(grants) == 0 {
			return control.Grant{}, false
		}
		if x := grants[0]; x.ID == id && x.State == billing.GrantActive {
			return grantRow(x), true
		}
		select {
		case <-ctx.Done():
			return control.Grant{}, false
		case <-tick.C:
		}
	}
}

func (g *Gateway) ownerRevoke(ctx context.Context, body []byte) (any, error) {
	var req control.RevokeGrant
	if err := control.Decode(body, &req); err != nil {
		return nil, err
	}
	if err := g.shop.Revoke(ctx, req.Username, req.Reason, g.now()); err != nil {
		return nil, ownerError(err)
	}
	g.log.Info("revoked", "user", req.Username, "why", req.Reason)
	g.Nudge()
	return control.Done{Done: "access of " + req.Username + " is revoked"}, nil
}

func (g *Gateway) ownerOrders(ctx context.Context, _ []byte) (any, error) {
	orders, err := pages(ctx, g.shop.Orders, func(o billing.OrderRow) int64 { return o.ID })
	if err != nil {
		return nil, err
	}
	out := make([]control.Order, 0, len(orders))
	for _, o := range orders {
		out = append(out, control.Order{
			Hash: o.Hash, Reference: o.Reference, State: o.State, Username: o.Username, Periods: o.Periods,
			Amount: o.Amount.Decimal(o.Decimals), Paid: o.Paid.Decimal(o.Decimals), Placed: o.Placed.UTC(), Expires: o.Expires.UTC(),
		})
	}
	return out, nil
}

func (g *Gateway) ownerPayments(ctx context.Context, _ []byte) (any, error) {
	payments, err := pages(ctx, g.shop.Payments, func(p billing.Payment) int64 { return p.ID })
	if err != nil {
		return nil, err
	}
	out := make([]control.Payment, 0, len(payments))
	for _, p := range payments {
		out = append(out, control.Payment{
			ID: p.ID, Network: p.Network, Deposit: p.Deposit, Amount: p.Amount.Decimal(p.Decimals), Reference: p.Reference,
			Sender: p.Sender, At: p.At.UTC(), Order: p.Order, Note: p.Note,
		})
	}
	return out, nil
}

func (g *Gateway) ownerExportPayments(ctx context.Context, w io.Writer) error {
	return g.shop.ExportPayments(ctx, w)
}

func (g *Gateway) ownerAssign(ctx context.Context, body []byte) (any, error) {
	var req control.AssignPayment
	if err := control.Decode(body, &req); err != nil {
		return nil, err
	}
	changes, err := g.shop.Assign(ctx, req.Payment, req.Order, g.now())
	if err != nil {
		return nil, ownerError(err)
	}
	g.log.Info("payment assigned", "payment", req.Payment, "order", short(req.Order))
	g.tell(changes)
	g.Nudge()
	return control.Done{Done: "the payment is credited to the order"}, nil
}

// ownerError passes on what billing says to the person who asked.
func ownerError(err error) error {
	if r, ok := refusalOf(err); ok {
		return &control.Error{Code: string(r.Code), Message: r.Message, Fix: r.Fix}
	}
	return err
}
