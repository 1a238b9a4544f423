//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// nobody is a user of this machine who is neither root nor the gateway's.
const nobody = 65534

func TestExitCodesOfARunningGateway(t *testing.T) {
	t.Parallel()
	g := start(t)
	for _, c := range []struct {
		code int
		args []string
	}{
		{0, []string{"status"}},
		{0, []string{"plugs"}},
		{0, []string{"grants"}},
		{0, []string{"orders"}},
		{0, []string{"payments"}},
		{0, []string{"grants", "add", "jane", "--for", "1h"}},
		{1, []string{"grants", "add", "jane", "--for", "1h"}},
		{1, []string{"grants", "add", "No Name", "--forever"}},
		{0, []string{"grants", "revoke", "jane"}},
		{1, []string{"grants", "revoke", "nobody-we-know"}},
		{1, []string{"plugs", "name", "no-such-serial!", "fridge"}},
		{2, []string{"grants", "add", "jane"}},
		{2, []string{"grants", "add", "jane", "--for", "soon"}},
		{2, []string{"payments", "assign", "one", "two"}},
		{2, []string{"status", "--colour"}},
	} {
		r := g.Run(t.Context(), c.args...)
		if r.Code != c.code {
			t.Errorf("%v: want exit code %d\n%s", c.args, c.code, r)
		}
		if (r.Code != 0) != (r.Err != "") {
			t.Errorf("%v: exactly a failure must say something on the standard error\n%s", c.args, r)
		}
	}
	if r := built.plain.Run(t.Context(), "offer", g.MQTT); r.Code != 0 || !strings.Contains(r.Out, "0.0005 IOTA") {
		t.Errorf("offer\n%s", r)
	}
}

func TestExitCodesWithoutAGateway(t *testing.T) {
	t.Parallel()
	empty := stateDir(t)
	for _, c := range []struct {
		code int
		args []string
	}{
		{2, nil},
		{2, []string{"fly"}},
		{2, []string{"run"}},
		{0, []string{"help"}},
		{0, []string{"version"}},
		{3, []string{"status", "--state", empty}},
		{3, []string{"grants", "--state", empty}},
		{3, []string{"grants", "add", "jane", "--forever", "--state", empty}},
		{3, []string{"payments", "--state", empty, "--json"}},
		{2, []string{"buy", "http://127.0.0.1:1"}},
		{2, []string{"buy", "mqtt://127.0.0.1:1", "--wallet", "gold"}},
		{1, []string{"buy", "mqtt://127.0.0.1:1", "--wallet", "sandbox"}},
	} {
		r := built.plain.With("XDG_STATE_HOME="+t.TempDir()).Run(t.Context(), c.args...)
		if r.Code != c.code {
			t.Errorf("%v: want exit code %d\n%s", c.args, c.code, r)
		}
	}
}

// TestGatewayWithoutABrokerIsNotServing runs the gateway alone: it waits, withholds, and says so with exit code 4.
func TestGatewayWithoutABrokerIsNotServing(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	launch(t, nil, "run", "--state", state, "--config", writeConfig(t, `{"plugs":{"interface":"lo"},"web":{"listen":"","tls-listen":""}}`))
	var r wattgatetest.Result
	eventually(t, 10*time.Second, func() error {
		r = built.plain.Run(t.Context(), "status", "--state", state, "--json")
		return expect(r.Code != 3, "the gateway does not answer\n"+r.String())
	})
	var st control.Status
	if err := json.Unmarshal([]byte(r.Out), &st); err != nil {
		t.Fatalf("%v\n%s", err, r)
	}
	if r.Code != 4 || st.State != "withheld" || len(st.Reasons) == 0 || st.Broker.PID != 0 {
		t.Errorf("a gateway without a broker must withhold, say why, and exit with 4\n%s", r)
	}
}

func TestAnyLocalUserSeesTheStatusAndOnlyTheOwnerTheGrants(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED who may use the control socket: only root can try it as another user")
	}
	g := start(t)
	// The demo's own lock keeps strangers out of nothing: the directory may be passed through, not listed.
	if err := os.Chmod(g.State, 0o711); err != nil {
		t.Fatal(err)
	}
	if r := g.Program.RunAs(t.Context(), nobody, nobody, "status", "--state", g.State); r.Code != 0 || !strings.Contains(r.Out, "is serving") {
		t.Errorf("any local user may see the status\n%s", r)
	}
	for _, args := range [][]string{
		{"grants"}, {"orders"}, {"payments"}, {"grants", "add", "mallory", "--forever"}, {"grants", "revoke", "jane"},
	} {
		r := g.Program.RunAs(t.Context(), nobody, nobody, append(args, "--state", g.State)...)
		if r.Code != 1 || !strings.Contains(r.Err, "sudo") || r.Out != "" {
			t.Errorf("%v by a stranger must be refused with a remedy\n%s", args, r)
		}
	}
	if n := len(g.grants()); n != 0 {
		t.Errorf("a stranger made %d grants", n)
	}
	for _, secret := range []string{"identity.key", "wattgate.db", "mosquitto/passwd", "mosquitto/acl"} {
		info, err := os.Stat(g.State + "/" + secret)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s may be read by others: %v %v", secret, info, err)
		}
	}
}

func TestRevokedUserIsOutWithinASecondAndNobodyElseIs(t *testing.T) {
	t.Parallel()
	g := start(t)
	jane, john := g.addOwner("jane"), g.addOwner("john")
	out, stays := g.connect(jane, "sensor/live"), g.connect(john, "sensor/live")
	revoked := time.Now()
	if r := g.Run(t.Context(), "grants", "revoke", "jane", "--reason", "moved out"); r.Code != 0 {
		t.Fatalf("cannot revoke\n%s", r)
	}
	select {
	case <-out.Lost():
		t.Logf("the connection was closed %s after the command was given", out.LostAt().Sub(revoked))
	case <-time.After(time.Until(revoked.Add(promisedEnd + measuringSlack))):
		t.Error("a revoked user still reads after a second")
	}
	if c, err := wattgatetest.Connect(g.MQTT, jane); err == nil {
		c.Close()
		t.Error("the password of a revoked user still works")
	}
	seen := len(stays.Messages("sensor/live"))
	if _, err := stays.Await(t.Context(), 5*time.Second, seen+3, "sensor/live"); err != nil || !stays.LostAt().IsZero() {
		t.Errorf("revoking jane cost john his connection: %v, lost at %s", err, stays.LostAt())
	}
	withoutGaps(t, readStream(t, stays.Messages("sensor/live")))
	for _, x := range g.grants() {
		if x.Username == "jane" && (x.State != "revoked" || x.End == nil) {
			t.Errorf("the books must say that she is out and since when: %+v", x)
		}
	}
	says(t, g.Log, time.Second, "moved out")
}
