package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/wattgate/wattgate/daemon/control"
)

// The exit codes, part of the public contract.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitNotRunning = 3
	exitNotServing = 4
	exitUnpaid     = 5
)

// Streams is where a command reads and writes.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// command is one row of the table below.
type command struct {
	name    string
	args    string
	summary string
	run     func(ctx context.Context, s Streams, args []string) error
}

// commands is the command line, in the order the help prints it.
func commands() []command {
	return []command{
		{"demo", "[flags]", "simulated plugs, play money, a broker and a gateway: the whole thing in one terminal", runDemo},
		{"run", "--config FILE", "the gateway", runGateway},
		{"broker", "--config FILE", "the broker beside it", runBroker},
		{"check-config", "FILE", "say everything that is wrong with a configuration", checkConfig},
		{"status", "", "is it serving, and if not, why", showStatus},
		{"plugs", "[scan | name SERIAL NAME]", "the plugs; look for them; name one", plugsCommand},
		{"grants", "[add USER (--for D | --forever) | revoke USER]", "who may read; let somebody in or out", grantsCommand},
		{"orders", "", "what was ordered", showOrders},
		{"payments", "[assign ID ORDER]", "what was paid; give an unassigned payment to an order", paymentsCommand},
		{"export", "payments --csv", "every payment, for a spreadsheet or a tax return", exportCommand},
		{"addresses", "[make | import FILE]", "the pool of addresses to be paid at; make some elsewhere, bring them here", addressesCommand},
		{"ledger", "accept", "say that the network's nodes are on another chain now, and that this is meant", ledgerCommand},
		{"clock", "accept", "say that this machine's clock is right after it jumped", clockCommand},
		{"tls", "[set < bundle.pem]", "the certificate of the TLS listeners; install one of your own", tlsCommand},
		{"backup", "FILE", "everything that must not be lost, the identity key too; - is standard output", backupCommand},
		{"restore", "FILE", "go back to a backup; - is standard input", restoreCommand},
		{"offer", "URL", "what a gateway sells", showOffer},
		{"buy", "URL [flags]", "order, pay and receive access", buyCommand},
		{"simulate", "plug [flags]", "one simulated Insight", simulateCommand},
		{"hook", "configure", "what snapd calls when settings change", hookCommand},
		{"version", "", "the version of this binary", showVersion},
	}
}

// Main runs one command and returns the exit code.
func Main(ctx context.Context, args []string, s Streams) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		out, code := s.Out, exitDone
		if len(args) == 0 {
			out, code = s.Err, exitUsage
		}
		help(out)
		return code
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return exitCode(c.run(ctx, s, args[1:]), s.Err)
		}
	}
	return exitCode(usagef("there is no command %q; `wattgate help` lists them", args[0]), s.Err)
}

func help(w io.Writer) {
	fmt.Fprint(w, "wattgate sells access to the live power readings of smart plugs.\n\n")
	var t table
	for _, c := range commands() {
		t.row("  wattgate "+c.name+" "+c.args, c.summary)
	}
	t.write(w)
	fmt.Fprint(w, "\nA command's own flags: wattgate COMMAND --help. --json gives machine output.\n"+
		"Exit codes: 0 done, 1 failed, 2 wrong usage, 3 gateway not running, 4 running but not serving, 5 unpaid or ended.\n")
}

// exitError carries the exit code of an error that is not plain failure.
type exitError struct {
	code int
	err  error // nil: everything was said already
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func exitCode(err error, w io.Writer) int {
	code := exitFailed
	if e, ok := errors.AsType[*exitError](err); ok {
		code = e.code
	}
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitDone
	case errors.Is(err, control.ErrNotRunning):
		code = exitNotRunning
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(w, "wattgate: "+text)
	}
	return code
}

// flags is a command's flag set; unlike the standard one it takes flags after arguments too.
type flags struct {
	*flag.FlagSet
	args string
}

func newFlags(s Streams, name, args string) *flags {
	f := &flags{flag.NewFlagSet("wattgate "+name, flag.ContinueOnError), args}
	f.SetOutput(s.Err)
	f.Usage = func() {
		fmt.Fprintf(f.Output(), "usage: %s %s\n", f.Name(), f.args)
		f.PrintDefaults()
	}
	return f
}

// parse returns the arguments that are no flags; there must be between least and most of them.
func (f *flags) parse(args []string, least, most int) ([]string, error) {
	var rest, plain []string
	if i := slices.Index(args, "--"); i >= 0 { // what follows is no flag, whatever it looks like
		args, plain = args[:i], args[i+1:]
	}
	for {
		if err := f.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, &exitError{exitUsage, nil} // the flag package has said what is wrong
		}
		if f.NArg() == 0 {
			break
		}
		rest = append(rest, f.Arg(0))
		args = f.Args()[1:]
	}
	rest = append(rest, plain...)
	if len(rest) < least || len(rest) > most {
		return nil, usagef("usage: %s %s", f.Name(), f.args)
	}
	return rest, nil
}

// Version is what this binary calls itself: the linker's word, or what the build knows of its source.
func Version() string {
	if linked != "" {
		return linked
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || strings.HasPrefix(info.Main.Version, "(") {
		return "devel"
	}
	return strings.TrimPrefix(info.Main.Version, "v")
}

func showVersion(_ context.Context, s Streams, args []string) error {
	if _, err := newFlags(s, "version", "").parse(args, 0, 0); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, Version())
	return nil
}
