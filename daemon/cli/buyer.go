package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"

	"github.com/wattgate/wattgate/daemon/buyer"
)

func showOffer(ctx context.Context, s Streams, args []string) error {
	f := newFlags(s, "offer", "URL [--json]")
	asJSON := f.Bool("json", false, "print the signed offer as it is")
	rest, err := f.parse(args, 1, 1)
	if err != nil {
		return err
	}
	t, err := buyer.ParseTarget(rest[0])
	if err != nil {
		return &exitError{exitUsage, err}
	}
	offer, raw, err := buyer.Offer(ctx, t)
	if err != nil {
		return unpaid(err)
	}
	if *asJSON {
		fmt.Fprintf(s.Out, "%s\n", raw)
		return nil
	}
	var tab table
	for _, p := range offer.Products {
		tab.row("product", printable(p.ID))
		tab.row("price", fmt.Sprintf("%s IOTA on %s for %d s, at least %d at once", printable(p.Price.Amount), printable(offer.Network), p.PeriodS, p.MinPeriods))
		tab.row("topics", printable(strings.Join(p.Topics, " ")))
		tab.row("rate", fmt.Sprintf("%d a second; the meter itself has a new value about every %d ms", p.RateHz, p.MeterRefreshMS))
	}
	tab.row("gateway", gatewayOf(raw))
	tab.row("terms", printable(offer.Terms))
	tab.write(s.Out)
	return nil
}

func gatewayOf(raw []byte) string { return "fingerprint " + buyer.Signer(raw) }

func buyCommand(ctx context.Context, s Streams, args []string) error {
	f := newFlags(s, "buy", "URL [--periods N] [--username U] [--wallet W [--node URL]] [--watch] [--record FILE] [--identity FILE] [--json]")
	o := buyer.Options{Say: s.Err, Picture: terminal(s.Err)}
	f.Int64Var(&o.Periods, "periods", 0, "how many `periods` to buy (default: the least that is sold)")
	f.StringVar(&o.Username, "username", "", "the user `name` to get or renew (default: the last one, else the gateway's choice)")
	f.StringVar(&o.Identity, "identity", "", "the `file` of the buyer's key, to which user names are bound")
	wallet := f.String("wallet", "", "pay with this `wallet`: sandbox, or stardust:FILE; without one, pay by other means while it waits")
	node := f.String("node", "", "with --wallet stardust: the `URL` of the node that passes the payment on")
	watch := f.Bool("watch", false, "print the live stream until the access ends")
	record := f.String("record", "", "with --watch: append the stream to this `file`")
	asJSON := f.Bool("json", false, "print JSON")
	rest, err := f.parse(args, 1, 1)
	if err != nil {
		return err
	}
	if o.Target, err = buyer.ParseTarget(rest[0]); err != nil {
		return &exitError{exitUsage, err}
	}
	if o.Periods < 0 {
		return usagef("cannot buy %d periods", o.Periods)
	}
	if o.Wallet, err = buyer.NewWallet(*wallet, *node, o.Target); err != nil {
		return &exitError{exitUsage, err}
	}
	access, err := buyer.Buy(ctx, o)
	if err != nil {
		return unpaid(err)
	}
	if err := printAccess(s, access, *asJSON); err != nil {
		return err
	}
	if !*watch && *record == "" {
		return nil
	}
	return watchAccess(ctx, s, o.Target, access, *record)
}

func printAccess(s Streams, a buyer.Access, asJSON bool) error {
	if asJSON {
		return printJSON(s.Out, a)
	}
	fmt.Fprintf(s.Out, "user      %s\npassword  %s\nuntil     %s\n", printable(a.Username), printable(a.Password), local(a.End))
	return nil
}

func watchAccess(ctx context.Context, s Streams, t buyer.Target, a buyer.Access, record string) error {
	out := s.Out
	if record != "" {
		file, err := os.OpenFile(record, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return fmt.Errorf("cannot record: %w", err)
		}
		defer func() { _ = file.Close() }()
		out = io.MultiWriter(s.Out, file)
	}
	return unpaid(buyer.Watch(ctx, t, a, out))
}

// unpaid gives its exit code to an error that says that nothing could be bought or that it is over.
func unpaid(err error) error {
	if _, ok := errors.AsType[*buyer.StoppedError](err); ok {
		return &exitError{exitUnpaid, err}
	}
	return err
}

// terminal says whether a person looks at w.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
