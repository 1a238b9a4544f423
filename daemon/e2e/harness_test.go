//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// measuringSlack is added to every promised time: on a machine with two busy processors this process itself may be
// late by that much.
const measuringSlack = 500 * time.Millisecond

var anonymous wattgatetest.Login

// gateway is a running demo that belongs to one test.
type gateway struct {
	*wattgatetest.Demo
	t *testing.T
}

// start starts a demo with two plugs in a directory of its own.
func start(t *testing.T, args ...string) *gateway {
	t.Helper()
	return startIn(t, built.plain, stateDir(t), args...)
}

// startIn starts a demo and ends it with the test; whatever outlives it fails the test.
func startIn(t *testing.T, p wattgatetest.Program, state string, args ...string) *gateway {
	t.Helper()
	d, err := wattgatetest.StartDemo(t.Context(), p, state, append([]string{"--plugs", "2"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the demo's log:\n%s", d.Log)
		}
	})
	return &gateway{d, t}
}

// stateDir is a directory with a path short enough for a unix socket.
func stateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// read runs an owner's command with --json.
func (g *gateway) read(v any, args ...string) {
	g.t.Helper()
	if err := g.Read(g.t.Context(), v, args...); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gateway) status() control.Status {
	g.t.Helper()
	var st control.Status
	g.read(&st, "status")
	return st
}

func (g *gateway) payments() []control.Payment {
	g.t.Helper()
	var p []control.Payment
	g.read(&p, "payments")
	return p
}

func (g *gateway) grants() []control.Grant {
	g.t.Helper()
	var out []control.Grant
	g.read(&out, "grants")
	return out
}

func (g *gateway) orders() []control.Order {
	g.t.Helper()
	var out []control.Order
	g.read(&out, "orders")
	return out
}

// addOwner makes an owner's user.
func (g *gateway) addOwner(name string) wattgatetest.Login {
	g.t.Helper()
	var made control.NewGrant
	g.read(&made, "grants", "add", name, "--forever")
	if made.Username != name || made.Password == "" || made.End != nil || !made.Owner {
		g.t.Fatalf("grants add %s answered %+v", name, made)
	}
	return wattgatetest.Login{Name: name, Password: made.Password}
}

// subscribe runs mosquitto_sub until the end of the test.
func (g *gateway) subscribe(who wattgatetest.Login, topics ...string) *wattgatetest.Subscriber {
	g.t.Helper()
	s, err := wattgatetest.Subscribe(g.t.Context(), g.MQTT, who, topics...)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(s.Stop)
	return s
}

// connect opens a connection of this process until the end of the test.
func (g *gateway) connect(who wattgatetest.Login, topics ...string) *wattgatetest.Client {
	g.t.Helper()
	c, err := wattgatetest.Connect(g.MQTT, who, topics...)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(c.Close)
	return c
}

// reload changes the configuration and waits until the gateway says so.
func (g *gateway) reload(changes map[string]any) {
	g.t.Helper()
	before := strings.Count(g.Log.String(), "configuration in force")
	if err := g.Reload(changes); err != nil {
		g.t.Fatal(err)
	}
	eventually(g.t, 5*time.Second, func() error {
		if strings.Count(g.Log.String(), "configuration in force") == before {
			return errors.New("the configuration is not in force")
		}
		return nil
	})
}

// get asks the web front.
func (g *gateway) get(path string) (code int, body string) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, g.Web+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		g.t.Fatal(err)
	}
	return res.StatusCode, string(data)
}

// access is what `buy --json` prints.
type access struct {
	Order    string    `json:"order"`
	Username string    `json:"username"`
	Password string    `json:"password"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	Broker   string    `json:"broker"`
	Topics   []string  `json:"topics"`
}

func (a access) login() wattgatetest.Login {
	return wattgatetest.Login{Name: a.Username, Password: a.Password}
}

// buyer is somebody with a home of his own, where his keys and passwords are.
type buyer struct {
	t       *testing.T
	program wattgatetest.Program
}

func newBuyer(t *testing.T) buyer {
	t.Helper()
	return buyer{t, built.plain.With("XDG_STATE_HOME=" + t.TempDir())}
}

// buy pays with play money and returns the access.
func (b buyer) buy(g *gateway, args ...string) access {
	b.t.Helper()
	a, err := b.tryBuy(b.t.Context(), g, args...)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

func (b buyer) tryBuy(ctx context.Context, g *gateway, args ...string) (access, error) {
	r := b.program.Run(ctx, append([]string{"buy", g.MQTT, "--wallet", "sandbox", "--json"}, args...)...)
	var a access
	if r.Code != 0 {
		return a, errors.New("buy failed: " + r.String())
	}
	dec := json.NewDecoder(strings.NewReader(r.Out))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		return a, errors.New("buy printed what is not the object of the design: " + err.Error() + "\n" + r.String())
	}
	return a, nil
}

// begin starts a buy that the test will interrupt; it is killed with the test at the latest.
func (b buyer) begin(g *gateway, args ...string) (cmd *exec.Cmd, said *wattgatetest.Log) {
	b.t.Helper()
	said = &wattgatetest.Log{}
	cmd = exec.Command(b.program.Path, append([]string{"buy", g.MQTT, "--json"}, args...)...)
	cmd.Env = append(os.Environ(), b.program.Env...)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { kill(cmd) })
	return cmd, said
}

// kill ends a process without a word; a second call does nothing.
func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// freePort is a port nobody else will take.
func freePort(t *testing.T) string {
	t.Helper()
	port, err := built.plain.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(port)
}

func eventually(t *testing.T, within time.Duration, probe func() error) {
	t.Helper()
	if err := wattgatetest.Eventually(t.Context(), within, probe); err != nil {
		t.Fatal(err)
	}
}

// says waits until a log holds a text.
func says(t *testing.T, l *wattgatetest.Log, within time.Duration, text string) {
	t.Helper()
	eventually(t, within, func() error {
		if !l.Contains(text) {
			return errors.New("it did not say " + text + "; it said:\n" + l.String())
		}
		return nil
	})
}

// pass lets real time go by: some promises are about what does not happen.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// until lets real time go by up to a moment.
func until(t *testing.T, at time.Time) {
	t.Helper()
	pass(t, time.Until(at))
}
