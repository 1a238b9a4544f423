package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/wattgate/wattgate/billing/addresses"
	"github.com/wattgate/wattgate/daemon/control"
)

func ledgerCommand(ctx context.Context, s Streams, args []string) error {
	f := newOwnerFlags(s, "ledger", "accept [--json]")
	rest, err := f.parse(args, 1, 1)
	if err != nil {
		return err
	}
	if rest[0] != "accept" {
		return usagef("usage: wattgate ledger %s", f.args)
	}
	return f.change(ctx, s, "/v1/ledger/accept", struct{}{})
}

func exportCommand(ctx context.Context, s Streams, args []string) error {
	f := newOwnerFlags(s, "export", "payments --csv")
	csv := f.Bool("csv", false, "as comma-separated values, the one form there is")
	rest, err := f.parse(args, 1, 1)
	if err != nil {
		return err
	}
	if rest[0] != "payments" || !*csv {
		return usagef("usage: wattgate export %s > payments.csv", f.args)
	}
	return f.client().Fetch(ctx, "/v1/payments.csv", s.Out)
}

// maxAddresses bounds what is read of a list of addresses, in bytes; the gateway takes some thousand at once.
const maxAddresses = 70 << 10

func addressesCommand(ctx context.Context, s Streams, args []string) error {
	f := newOwnerFlags(s, "addresses", "[make --network N --count N | import FILE] [--json]")
	network := f.String("network", "rebased", "with make: the `network`, rebased or stardust")
	prefix := f.String("prefix", "tst", "with make, on stardust: what its addresses `begin` with")
	count := f.Int("count", 100, "with make: how `many`")
	rest, err := f.parse(args, 0, 2)
	if err != nil {
		return err
	}
	switch {
	case len(rest) == 0:
		var pool control.Pool
		if err := f.client().Get(ctx, "/v1/addresses", &pool); err != nil {
			return err
		}
		return f.printPool(s, pool)
	case len(rest) == 1 && rest[0] == "make":
		return f.makeAddresses(ctx, s, addresses.Request{Kind: addresses.Kind(*network), Prefix: prefixOf(*network, *prefix), Count: *count})
	case len(rest) == 2 && rest[0] == "import":
		return f.importAddresses(ctx, s, rest[1])
	}
	return usagef("usage: wattgate addresses %s", f.args)
}

// prefixOf is empty where addresses have none.
func prefixOf(network, prefix string) string {
	if addresses.Kind(network) == addresses.Stardust {
		return prefix
	}
	return ""
}

func (f *ownerFlags) printPool(s Streams, p control.Pool) error {
	if f.json {
		return printJSON(s.Out, p)
	}
	fmt.Fprintf(s.Out, "%d addresses in the pool, %d of them free\n", p.All, p.Left)
	return nil
}

// makeAddresses writes the addresses to standard output and the words that spend what arrives there to standard error. It
// refuses to do so beside a gateway: the words must never be on that machine.
func (f *ownerFlags) makeAddresses(ctx context.Context, s Streams, r addresses.Request) error {
	if _, err := os.Stat(f.dirs.WithDefaults().Identity()); err == nil || errors.Is(err, fs.ErrPermission) {
		return errors.New("cannot make addresses here: this machine is a gateway, and what spends the money must never be on it (make them on another one, and bring the addresses alone)")
	}
	pool, err := addresses.Make(r)
	if err != nil {
		return err
	}
	for _, a := range pool.Addresses {
		if _, err := fmt.Fprintln(s.Out, a); err != nil {
			return fmt.Errorf("cannot write the addresses: %w", err)
		}
	}
	fmt.Fprintf(s.Err, "\nThese words spend everything that arrives at the %d addresses. Write them down on paper and keep them away from the gateway;\n"+
		"they are shown this once:\n\n  %s\n\nTake the addresses to the gateway: wattgate addresses import - < FILE\n", len(pool.Addresses), pool.Mnemonic)
	return nil
}

func (f *ownerFlags) importAddresses(ctx context.Context, s Streams, file string) error {
	in := s.In
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("cannot read the addresses: %w%s", err, fileHint(err, "< "+file))
		}
		defer opened.Close()
		in = opened
	}
	list, err := io.ReadAll(io.LimitReader(in, maxAddresses+1))
	if err != nil {
		return fmt.Errorf("cannot read the addresses: %w", err)
	}
	if len(list) > maxAddresses {
		return errors.New("cannot import so many addresses at once: bring at most 1,000 at a time")
	}
	var pool control.Pool
	if err := f.client().Post(ctx, "/v1/addresses", control.ImportAddresses{Addresses: string(list)}, &pool); err != nil {
		return err
	}
	if !f.json {
		fmt.Fprintf(s.Out, "%d new; ", pool.Added)
	}
	return f.printPool(s, pool)
}
