package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/buyer"
	"github.com/wattgate/wattgate/daemon/control"
)

// call runs the command line and returns what it wrote and its exit code.
func call(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = Main(t.Context(), args, Streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return o.String(), e.String(), code
}

// gateway answers on a control socket like a running gateway; state is its directory.
func gateway(t *testing.T, routes ...control.Route) (state string) {
	t.Helper()
	state, err := os.MkdirTemp("", "wg") // short: the path of a unix socket is limited
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	socket := filepath.Join(state, "control.sock")
	go func() { ended <- control.Serve(ctx, socket, routes, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() { cancel(); <-ended; os.RemoveAll(state) })
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		c, err := net.Dial("unix", socket)
		if err == nil {
			c.Close()
			return state
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// answers is a route that answers with a document, or an error, and notes what it was asked.
func answers(pattern string, doc any, asked *[]byte) control.Route {
	return control.Route{Pattern: pattern, Access: control.Owner, Call: func(_ context.Context, body []byte) (any, error) {
		if asked != nil {
			*asked = body
		}
		if err, ok := doc.(error); ok {
			return nil, err
		}
		return doc, nil
	}}
}

func TestHelpListsEveryCommand(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"--help"}, {"-h"}} {
		out, errs, code := call(t, args...)
		if code != exitDone || errs != "" {
			t.Errorf("%q: exit %d, %q", args, code, errs)
		}
		for _, c := range commands() {
			if !strings.Contains(out, "\n  wattgate "+c.name+" ") && !strings.Contains(out, "\n  wattgate "+c.name+"  ") || !strings.Contains(out, c.summary) {
				t.Errorf("%q does not list %s", args, c.name)
			}
		}
		if !strings.Contains(out, "5 unpaid or ended") {
			t.Errorf("%q does not list the exit codes", args)
		}
	}
	out, errs, code := call(t)
	if code != exitUsage || out != "" || !strings.Contains(errs, "wattgate status") {
		t.Errorf("no words at all: exit %d, %q on the standard output", code, out)
	}
}

func TestEveryCommandHasItsOwnHelp(t *testing.T) {
	for _, c := range commands() {
		out, errs, code := call(t, c.name, "--help")
		if code != exitDone || out != "" || !strings.HasPrefix(errs, "usage: wattgate "+c.name) {
			t.Errorf("%s --help: exit %d, %q %q", c.name, code, out, errs)
		}
		_, errs, code = call(t, c.name, "--no-such-flag")
		if code != exitUsage || !strings.Contains(errs, "no-such-flag") || strings.Contains(errs, "wattgate: \n") {
			t.Errorf("%s --no-such-flag: exit %d, %q", c.name, code, errs)
		}
	}
}

func TestExitCodes(t *testing.T) {
	plain := errors.New("cannot")
	for name, tt := range map[string]struct {
		err  error
		code int
		said string
	}{
		"done":                             {nil, 0, ""},
		"help":                             {flag.ErrHelp, 0, ""},
		"failed":                           {plain, 1, "wattgate: cannot\n"},
		"usage":                            {usagef("no"), 2, "wattgate: no\n"},
		"flag package":                     {&exitError{exitUsage, nil}, 2, ""},
		"not running":                      {fmt.Errorf("%w: nothing at x", control.ErrNotRunning), 3, "wattgate: the gateway is not running: nothing at x\n"},
		"not serving":                      {&exitError{exitNotServing, nil}, 4, ""},
		"unpaid":                           {unpaid(&buyer.StoppedError{Why: "over"}), 5, "wattgate: over\n"},
		"wrapped":                          {fmt.Errorf("layer: %w", unpaid(&buyer.StoppedError{Why: "over"})), 5, "wattgate: layer: over\n"},
		"other errors of the buyer's side": {unpaid(plain), 1, "wattgate: cannot\n"},
		"refused by the gateway":           {&control.Error{Code: "x", Message: "no", Fix: "do"}, 1, "wattgate: no\n  do\n"},
	} {
		var errs bytes.Buffer
		if code := exitCode(tt.err, &errs); code != tt.code || errs.String() != tt.said {
			t.Errorf("%s: exit %d, %q; want %d, %q", name, code, &errs, tt.code, tt.said)
		}
	}
}

func TestWrongUsageIsTwo(t *testing.T) {
	for _, line := range []string{
		"nonsense", "status extra", "run", "broker", "run --config", "check-config", "check-config a b",
		"plugs frobnicate", "plugs name S", "plugs name S N extra",
		"grants add jane", "grants add jane --for 1h --forever", "grants add jane --for never", "grants add jane --for 0s", "grants revoke", "grants add",
		"payments assign 1", "payments assign one ORDER", "payments drop 1 2",
		"offer", "offer http://gw", "offer mqtt://gw#12", "buy", "buy mqtt://gw --periods -1", "buy mqtt://gw --periods many", "buy mqtt://gw --wallet bank",
		"simulate", "simulate fridge", "simulate plug --port 65536", "version now", "demo now", "orders now",
	} {
		out, errs, code := call(t, strings.Fields(line)...)
		if code != exitUsage || errs == "" || out != "" {
			t.Errorf("wattgate %s: exit %d, %q %q; want 2 and a word on the standard error", line, code, out, errs)
		}
	}
	if _, errs, _ := call(t, "nonsense"); !strings.Contains(errs, `"nonsense"`) || !strings.Contains(errs, "wattgate help") {
		t.Errorf("%q", errs)
	}
}

func TestWithoutAGatewayIsThree(t *testing.T) {
	dir := t.TempDir()
	for _, line := range []string{
		"status", "status --json", "plugs", "plugs name S fridge", "grants", "grants add jane --forever", "grants revoke jane", "orders", "payments", "payments assign 1 ORDER",
	} {
		out, errs, code := call(t, append(strings.Fields(line), "--state", dir)...)
		if code != exitNotRunning || out != "" || !strings.Contains(errs, "not running") || !strings.Contains(errs, dir) {
			t.Errorf("wattgate %s: exit %d, %q %q", line, code, out, errs)
		}
	}
}

func TestStatusTellsByItsCodeWhetherItServes(t *testing.T) {
	for state, want := range map[string]int{
		control.StateServing: exitDone, control.StatePrivate: exitDone, control.StateDegraded: exitDone, control.StateWithheld: exitNotServing,
	} {
		dir := gateway(t, answers("GET /v1/status", control.Status{State: state, Reasons: []string{"because \x1b[2J"}, Version: "1.2"}, nil))
		out, errs, code := call(t, "status", "--state", dir)
		if code != want || errs != "" || !strings.Contains(out, "wattgate 1.2 is "+state) || strings.Contains(out, "\x1b") {
			t.Errorf("%s: exit %d, %q %q", state, code, out, errs)
		}
		out, _, code = call(t, "status", "--state", dir, "--json")
		var st control.Status
		if err := json.Unmarshal([]byte(out), &st); err != nil || st.State != state || code != want {
			t.Errorf("%s --json: exit %d, %q %v", state, code, out, err)
		}
	}
}

func TestGatewaysRefusalIsOneAndSaysTheFix(t *testing.T) {
	dir := gateway(t, answers("POST /v1/grants", &control.Error{Code: "username-taken", Message: "jane is taken", Fix: "choose another"}, nil))
	if out, errs, code := call(t, "grants", "add", "jane", "--forever", "--state", dir); code != exitFailed || errs != "wattgate: jane is taken\n  choose another\n" || out != "" {
		t.Errorf("exit %d, %q %q", code, out, errs)
	}
}

func TestGrantsAddAsksForWhatWasSaid(t *testing.T) {
	var asked []byte
	end := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	dir := gateway(t, answers("POST /v1/grants", control.NewGrant{Grant: control.Grant{Username: "jane", End: &end}, Password: "s3cret"}, &asked))
	for line, want := range map[string]string{
		"grants add jane --for 30d":                 `{"username":"jane","seconds":2592000,"reason":""}`,
		"grants --for 90m add jane --reason visit":  `{"username":"jane","seconds":5400,"reason":"visit"}`,
		"grants add --forever jane":                 `{"username":"jane","seconds":0,"reason":""}`,
		"grants add jane --forever=true --reason=x": `{"username":"jane","seconds":0,"reason":"x"}`,
	} {
		out, errs, code := call(t, append(strings.Fields(line), "--state", dir)...)
		if code != exitDone || errs != "" || strings.Count(out, "s3cret") != 1 || string(asked) != want {
			t.Errorf("wattgate %s: exit %d, asked %s, %q %q", line, code, asked, out, errs)
		}
	}
}

func TestFlagsMayStandAnywhere(t *testing.T) {
	for _, args := range [][]string{
		{"--x", "1", "a", "b", "--y"}, {"a", "--x", "1", "--y", "b"}, {"a", "b", "--y", "--x=1"}, {"--y", "a", "-x=1", "b"},
	} {
		f := newFlags(Streams{Err: io.Discard}, "test", "")
		x, y := f.String("x", "", ""), f.Bool("y", false, "")
		rest, err := f.parse(args, 2, 2)
		if err != nil || *x != "1" || !*y || !slices.Equal(rest, []string{"a", "b"}) {
			t.Errorf("%q: x=%q y=%t rest %q, %v", args, *x, *y, rest, err)
		}
	}
	for _, n := range []int{0, 3} {
		f := newFlags(Streams{Err: io.Discard}, "test", "A B")
		_, err := f.parse(make([]string, n), 1, 2)
		if e, ok := errors.AsType[*exitError](err); !ok || e.code != exitUsage || !strings.Contains(err.Error(), "usage: wattgate test A B") {
			t.Errorf("%d arguments: %v", n, err)
		}
	}
}

func TestVersion(t *testing.T) {
	out, _, code := call(t, "version")
	if code != exitDone || strings.TrimSpace(out) == "" || strings.Count(out, "\n") != 1 || out != Version()+"\n" {
		t.Errorf("exit %d, %q", code, out)
	}
}
