package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
)

func grantsCommand(ctx context.Context, s Streams, args []string) error {
	f := newOwnerFlags(s, "grants", "[add USER (--for D | --forever) [--reason TEXT] | revoke USER [--reason TEXT]] [--json]")
	forTime := f.String("for", "", "with add: how long, e.g. `24h` or 30d")
	forever := f.Bool("forever", false, "with add: until it is revoked")
	why := f.String("reason", "", "a `text` for the books")
	rest, err := f.parse(args, 0, 2)
	if err != nil {
		return err
	}
	switch {
	case len(rest) == 0:
		return f.listGrants(ctx, s)
	case len(rest) == 2 && rest[0] == "add":
		if (*forTime != "") == *forever {
			return usagef("say for how long: --for 24h, or --forever")
		}
		seconds, err := parseSpan(*forTime)
		if err != nil {
			return err
		}
		return f.addGrant(ctx, s, control.AddGrant{Username: rest[1], Seconds: seconds, Reason: *why})
	case len(rest) == 2 && rest[0] == "revoke":
		return f.change(ctx, s, "/v1/grants/revoke", control.RevokeGrant{Username: rest[1], Reason: *why})
	}
	return usagef("usage: wattgate grants %s", f.args)
}

// maxDays is the longest span, a hundred years: who means longer says --forever.
const maxDays = 36500

// parseSpan reads "90m", "24h" or "30d" as seconds; empty is 0.
func parseSpan(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(min(n, maxDays+1)) * 24 * time.Hour
	}
	if err != nil || d < time.Second || d > maxDays*24*time.Hour {
		return 0, usagef("cannot read the duration %q: write it like 90m, 24h or 30d", s)
	}
	return int64(d / time.Second), nil
}

func (f *ownerFlags) listGrants(ctx context.Context, s Streams) error {
	var grants []control.Grant
	if err := f.client().Get(ctx, "/v1/grants", &grants); err != nil {
		return err
	}
	if f.json {
		return printJSON(s.Out, grants)
	}
	if len(grants) == 0 {
		fmt.Fprintln(s.Out, "no grants yet")
		return nil
	}
	var t table
	t.row("USER", "STATE", "START", "END", "WITHHELD", "REASON")
	for _, g := range grants {
		end := localOr(g.End, "never")
		if g.Start == nil && !g.Owner {
			end = "-"
		}
		kept := "-"
		if g.WithheldS > 0 {
			kept = time.Duration(g.WithheldS * float64(time.Second)).Round(time.Second).String()
		}
		t.row(g.Username, g.State, localOr(g.Start, "-"), end, kept, printable(g.Reason))
	}
	t.write(s.Out)
	return nil
}

func (f *ownerFlags) addGrant(ctx context.Context, s Streams, req control.AddGrant) error {
	var g control.NewGrant
	if err := f.client().Post(ctx, "/v1/grants", req, &g); err != nil {
		return err
	}
	if f.json {
		return printJSON(s.Out, g)
	}
	fmt.Fprintf(s.Out, "user      %s\npassword  %s   (shown this once)\nuntil     %s\n", g.Username, g.Password, localOr(g.End, "revoked"))
	return nil
}

func showOrders(ctx context.Context, s Streams, args []string) error {
	f := newOwnerFlags(s, "orders", "[--json]")
	if _, err := f.parse(args, 0, 0); err != nil {
		return err
	}
	var orders []control.Order
	if err := f.client().Get(ctx, "/v1/orders", &orders); err != nil {
		return err
	}
	if f.json {
		return printJSON(s.Out, orders)
	}
	var t table
	t.row("PLACED", "STATE", "USER", "PERIODS", "AMOUNT", "PAID", "REFERENCE", "ORDER")
	for _, o := range orders {
		t.row(local(o.Placed), o.State, o.Username, strconv.FormatInt(o.Periods, 10), o.Amount, o.Paid, printable(o.Reference), o.Hash)
	}
	t.write(s.Out)
	return nil
}

func paymentsCommand(ctx context.Context, s Streams, args []string) error {
	f := newOwnerFlags(s, "payments", "[assign ID ORDER] [--json]")
	rest, err := f.parse(args, 0, 3)
	if err != nil {
		return err
	}
	if len(rest) == 3 && rest[0] == "assign" {
		id, err := strconv.ParseInt(rest[1], 10, 64)
		if err != nil {
			return usagef("cannot use %q: a payment's ID is the number in the first column of `wattgate payments`", rest[1])
		}
		return f.change(ctx, s, "/v1/payments/assign", control.AssignPayment{Payment: id, Order: rest[2]})
	}
	if len(rest) != 0 {
		return usagef("usage: wattgate payments %s", f.args)
	}
	var payments []control.Payment
	if err := f.client().Get(ctx, "/v1/payments", &payments); err != nil {
		return err
	}
	if f.json {
		return printJSON(s.Out, payments)
	}
	var t table
	t.row("ID", "AT", "AMOUNT", "REFERENCE", "DEPOSIT", "ORDER")
	for _, p := range payments {
		order := p.Order
		if order == "" {
			order = "unassigned: " + printable(p.Note)
		}
		t.row(strconv.FormatInt(p.ID, 10), local(p.At), p.Amount, printable(p.Reference), printable(p.Deposit), order)
	}
	t.write(s.Out)
	return nil
}
