package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/wattgate/wattgate/daemon"
	"github.com/wattgate/wattgate/daemon/control"
)

// ownerFlags are the flags of every command that asks a running gateway.
type ownerFlags struct {
	*flags
	dirs daemon.Dirs
	json bool
}

func newOwnerFlags(s Streams, name, args string) *ownerFlags {
	f := &ownerFlags{flags: newFlags(s, name, args)}
	dirFlags(f.flags, &f.dirs)
	f.BoolVar(&f.json, "json", false, "print JSON")
	return f
}

func dirFlags(f *flags, d *daemon.Dirs) {
	f.StringVar(&d.State, "state", "", "the gateway's state `directory` (default $WATTGATE_STATE; in the snap $SNAP_COMMON/state; else /var/lib/wattgate)")
	f.StringVar(&d.Runtime, "runtime", "", "the gateway's runtime `directory` (default $WATTGATE_RUNTIME; in the snap $SNAP_DATA/run; else the state directory)")
}

func (f *ownerFlags) client() *control.Client {
	return control.NewClient(f.dirs.WithDefaults().ControlSocket())
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("cannot print: %w", err)
	}
	return nil
}

func showStatus(ctx context.Context, s Streams, args []string) error {
	f := newOwnerFlags(s, "status", "[--json]")
	if _, err := f.parse(args, 0, 0); err != nil {
		return err
	}
	var st control.Status
	if err := f.client().Get(ctx, "/v1/status", &st); err != nil {
		return err
	}
	if f.json {
		if err := printJSON(s.Out, st); err != nil {
			return err
		}
	} else {
		writeStatus(s.Out, st)
	}
	if !st.Serving() {
		return &exitError{exitNotServing, nil}
	}
	return nil
}

func writeStatus(w io.Writer, st control.Status) {
	fmt.Fprintf(w, "wattgate %s is %s since %s\n", st.Version, st.State, local(st.Since))
	for _, r := range st.Reasons {
		fmt.Fprintln(w, "  ! "+printable(r))
	}
	var t table
	t.row("  publishing", "level "+st.Level)
	t.row("  plugs", fmt.Sprintf("%d of %d with a current reading", st.Plugs.Current, st.Plugs.Expected))
	broker := "not running"
	if st.Broker.PID != 0 {
		broker = fmt.Sprintf("Mosquitto, pid %d, rights %s", st.Broker.PID, map[bool]string{true: "proven", false: "not proven"}[st.Broker.Proven])
	}
	t.row("  broker", broker)
	for _, l := range st.Broker.Listeners {
		cell := l.Address
		if l.Problem != "" {
			cell += "  off: " + l.Problem + " (" + l.Remedy + ")"
		}
		t.row("  "+l.Name, cell)
	}
	ledger := "none, nothing is sold"
	if st.Ledger.Network != "" {
		ledger = st.Ledger.Network + " " + st.Ledger.Address
	}
	t.row("  ledger", ledger)
	if !st.Clock.Trusted {
		t.row("  clock", "not trusted: "+local(st.Clock.Now)+" by what is known")
	}
	t.row("  gateway", st.Gateway)
	t.write(w)
	for _, step := range st.Next {
		fmt.Fprintln(w, "  > "+printable(step))
	}
}

func plugsCommand(ctx context.Context, s Streams, args []string) error {
	f := newOwnerFlags(s, "plugs", "[scan | name SERIAL NAME] [--json]")
	iface := f.String("interface", "", "with scan: search on this network `interface` only")
	rest, err := f.parse(args, 0, 3)
	if err != nil {
		return err
	}
	switch {
	case len(rest) == 0:
		var plugs []control.Plug
		if err := f.client().Get(ctx, "/v1/plugs", &plugs); err != nil {
			return err
		}
		return printPlugs(s.Out, plugs, f.json)
	case len(rest) == 1 && rest[0] == "scan":
		plugs, err := daemon.ScanPlugs(ctx, *iface)
		if err != nil {
			return err
		}
		return printPlugs(s.Out, plugs, f.json)
	case len(rest) == 3 && rest[0] == "name":
		return f.change(ctx, s, "/v1/plugs/name", control.NamePlug{Serial: rest[1], Name: rest[2]})
	}
	return usagef("usage: wattgate plugs %s", f.args)
}

// change posts a request that is answered with what was done.
func (f *ownerFlags) change(ctx context.Context, s Streams, route string, body any) error {
	var done control.Done
	if err := f.client().Post(ctx, route, body, &done); err != nil {
		return err
	}
	if f.json {
		return printJSON(s.Out, done)
	}
	fmt.Fprintln(s.Out, printable(done.Done))
	return nil
}

func printPlugs(w io.Writer, plugs []control.Plug, asJSON bool) error {
	if asJSON {
		return printJSON(w, plugs)
	}
	if len(plugs) == 0 {
		fmt.Fprintln(w, "no plug found yet (are they on the same network? `wattgate plugs scan` looks again)")
		return nil
	}
	var t table
	t.row("PLUG", "SERIAL", "NAME", "MODEL", "FIRMWARE", "ADDRESS", "STATE", "RATE", "READING", "AGE", "PROBLEM")
	for _, p := range plugs {
		reading, age, rate := "-", "-", "-"
		if p.PowerW != nil {
			reading = strconv.FormatFloat(*p.PowerW, 'f', 3, 64) + " W"
		}
		if p.AgeMS != nil {
			age = (time.Duration(*p.AgeMS) * time.Millisecond).String()
		}
		if p.RateHz > 0 {
			rate = strconv.FormatFloat(p.RateHz, 'f', 1, 64) + " Hz"
		}
		t.row(p.ID, printable(p.Serial), printable(p.Friendly), printable(p.Model), printable(p.Firmware), p.Address, p.State, rate, reading, age, printable(p.Problem))
	}
	t.write(w)
	return nil
}

func tlsCommand(ctx context.Context, s Streams, args []string) error {
	f := newOwnerFlags(s, "tls", "[set < bundle.pem] [--json]")
	rest, err := f.parse(args, 0, 1)
	if err != nil {
		return err
	}
	var cert control.TLS
	switch {
	case len(rest) == 0:
		err = f.client().Get(ctx, "/v1/tls", &cert)
	case rest[0] == "set":
		var bundle []byte
		if bundle, err = io.ReadAll(io.LimitReader(s.In, maxBundle)); err == nil {
			err = f.client().Post(ctx, "/v1/tls", control.SetTLS{Bundle: string(bundle)}, &cert)
		}
	default:
		return usagef("usage: wattgate tls %s", f.args)
	}
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(s.Out, cert)
	}
	whose := "the owner's"
	if cert.SelfMade {
		whose = "self-made; clients pin it by its fingerprint, which stands in the signed offer"
	}
	fmt.Fprintf(s.Out, "certificate  %s\nsha256       %s\nuntil        %s\n", whose, cert.SHA256, local(cert.NotAfter))
	return nil
}

// maxBundle bounds what is read of a certificate bundle, in bytes; the gateway takes 64 KiB.
const maxBundle = 65 << 10

func clockCommand(ctx context.Context, s Streams, args []string) error {
	f := newOwnerFlags(s, "clock", "accept [--json]")
	rest, err := f.parse(args, 1, 1)
	if err != nil {
		return err
	}
	if rest[0] != "accept" {
		return usagef("usage: wattgate clock %s", f.args)
	}
	return f.change(ctx, s, "/v1/clock/accept", struct{}{})
}
