package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/control"
)

// hostile is what a plug, a buyer or a payer may call itself.
const hostile = "x\x1b[2J\u202e\nwattgate is serving"

func TestNothingHostileReachesTheTerminal(t *testing.T) {
	power, age := 41.235, int64(230)
	moment := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	dir := gateway(t,
		answers("GET /v1/plugs", []control.Plug{{ID: "fridge", Serial: hostile, Friendly: hostile, Model: hostile, Firmware: hostile, Problem: hostile, PowerW: &power, AgeMS: &age, RateHz: 2}}, nil),
		answers("GET /v1/orders", []control.Order{{Reference: hostile, State: "open", Placed: moment}}, nil),
		answers("GET /v1/payments", []control.Payment{{ID: 7, Reference: hostile, Deposit: hostile, Note: hostile, At: moment}}, nil),
		answers("GET /v1/grants", []control.Grant{{Username: "jane", Reason: hostile, Start: &moment}}, nil),
		answers("POST /v1/plugs/name", control.Done{Done: hostile}, nil),
	)
	for line, rows := range map[string]int{"plugs": 2, "orders": 2, "payments": 2, "grants": 2, "plugs name S N": 1} {
		out, errs, code := call(t, append(strings.Fields(line), "--state", dir)...)
		if code != exitDone || errs != "" || strings.Count(out, "\n") != rows || !strings.Contains(out, `x\x1b[2J\u202e\nwattgate`) || strings.ContainsAny(out, "\x1b\u202e") {
			t.Errorf("wattgate %s: exit %d, %q %q", line, code, out, errs)
		}
		out, _, code = call(t, append(strings.Fields(line), "--state", dir, "--json")...)
		if !json.Valid([]byte(out)) || code != exitDone || strings.Contains(out, "\x1b") {
			t.Errorf("wattgate %s --json: exit %d, %q", line, code, out)
		}
	}
}

func TestPlugsInAColumn(t *testing.T) {
	power, age := 41.2, int64(1230)
	dir := gateway(t, answers("GET /v1/plugs", []control.Plug{
		{ID: "fridge", Serial: "S1", PowerW: &power, AgeMS: &age, RateHz: 1.99, State: "online"},
		{ID: "p-abc123", Serial: "S2", State: "unreachable"},
	}, nil))
	out, _, _ := call(t, "plugs", "--state", dir)
	lines := strings.Split(out, "\n")
	if !strings.Contains(lines[1], "2.0 Hz  41.200 W  1.23s") || !strings.Contains(lines[2], "-       -         -") {
		t.Errorf("\n%s", out)
	}
	empty := gateway(t, answers("GET /v1/plugs", []control.Plug{}, nil), answers("GET /v1/grants", []control.Grant{}, nil))
	if out, _, code := call(t, "plugs", "--state", empty); code != exitDone || !strings.Contains(out, "wattgate plugs scan") {
		t.Errorf("no plug: exit %d, %q", code, out)
	}
	if out, _, _ := call(t, "grants", "--state", empty); out != "no grants yet\n" {
		t.Errorf("%q", out)
	}
	if out, _, _ := call(t, "grants", "--state", empty, "--json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("%q: a program wants a list", out)
	}
}

func TestStatusInWords(t *testing.T) {
	dir := gateway(t, answers("GET /v1/status", control.Status{
		State: control.StateDegraded, Reasons: []string{"web.listen is off"}, Level: "live", Version: "0.1.0", Gateway: "abcd",
		Plugs:  control.PlugCount{Current: 1, Expected: 2},
		Broker: control.Broker{PID: 77, Proven: true, Listeners: []control.Listener{{Name: "web.listen", Address: "0.0.0.0:8080", Problem: "taken", Remedy: "move it"}}},
	}, nil))
	out, _, code := call(t, "status", "--state", dir)
	for _, want := range []string{"is degraded", "! web.listen is off", "level live", "1 of 2 with a current reading", "pid 77, rights proven", "0.0.0.0:8080  off: taken (move it)", "nothing is sold", "abcd"} {
		if !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in\n%s", code, want, out)
		}
	}
}

func TestCheckConfigNamesAllMistakesAtOnce(t *testing.T) {
	out, errs, code := call(t, "check-config", filepath.Join("testdata", "three_mistakes.json"))
	want, err := os.ReadFile(filepath.Join("testdata", "three_mistakes.golden"))
	if err != nil {
		t.Fatal(err)
	}
	if code != exitFailed || out != "" || errs != string(want) {
		t.Errorf("exit %d, %q\n%s, want\n%s", code, out, errs, want)
	}
}

func TestCheckConfigOfAGoodOne(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := call(t, "check-config", file)
	if code != exitDone || errs != "" || !strings.HasSuffix(out, "the configuration is valid\n") {
		t.Errorf("exit %d, %q %q", code, out, errs)
	}
	if _, errs, code := call(t, "check-config", file+".missing"); code != exitFailed || !strings.Contains(errs, file+".missing") {
		t.Errorf("a file that is not there: exit %d, %q", code, errs)
	}
	out, _, code = call(t, "check-config", "--keys")
	for _, k := range config.Keys() {
		if code != exitDone || !strings.Contains(out, "\n"+k.Name+" ") {
			t.Errorf("--keys does not list %s", k.Name)
		}
	}
}

func TestServicesRefuseABadConfiguration(t *testing.T) {
	for _, command := range []string{"run", "broker"} {
		out, errs, code := call(t, command, "--config", filepath.Join("testdata", "three_mistakes.json"), "--state", t.TempDir())
		if code != exitFailed || out != "" || strings.Count(errs, "\n") != 3 {
			t.Errorf("%s: exit %d, %q %q", command, code, out, errs)
		}
	}
}
