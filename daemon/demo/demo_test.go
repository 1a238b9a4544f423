package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon"
	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/readings"
	"github.com/wattgate/wattgate/devices/devicestest"
)

// made is a demo with a state directory and nothing running.
func made(t *testing.T, o Options) *demo {
	t.Helper()
	dir, err := os.MkdirTemp("", "wg") // short: the path of a unix socket is limited
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &demo{Options: o, dirs: daemon.Dirs{State: dir, Runtime: dir}}
}

func TestEachDemoHasADirectoryOfItsOwn(t *testing.T) {
	base := t.TempDir()
	t.Setenv("XDG_STATE_HOME", base)
	first, endFirst, err := claim("")
	if err != nil || first != filepath.Join(base, "wattgate", "demo") {
		t.Fatalf("%q %v", first, err)
	}
	second, endSecond, err := claim("")
	if err != nil || second != filepath.Join(base, "wattgate", "demo-2") {
		t.Fatalf("beside the first: %q %v", second, err)
	}
	endFirst()
	again, endAgain, err := claim("")
	if err != nil || again != first {
		t.Errorf("after the first: %q %v, want its directory and what is kept there", again, err)
	}
	endAgain()
	endSecond()
}

func TestTwoDemosNeverShareADirectory(t *testing.T) {
	named := filepath.Join(t.TempDir(), "state")
	dir, end, err := claim(named)
	if err != nil || dir != named {
		t.Fatal(dir, err)
	}
	if _, _, err := claim(named); !errors.Is(err, errTaken) || !strings.Contains(err.Error(), named) {
		t.Errorf("the second: %v", err)
	}
	end()
	if _, end, err := claim(named); err != nil {
		t.Errorf("after the first: %v", err)
	} else {
		end()
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := claim(file); err == nil || !strings.Contains(err.Error(), "--state") {
		t.Errorf("where no directory can be: %v", err)
	}
}

func TestNumberOfDemosIsBounded(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	for range maxDemos {
		_, end, err := claim("")
		if err != nil {
			t.Fatal(err)
		}
		defer end()
	}
	if dir, _, err := claim(""); err == nil || !strings.Contains(err.Error(), "--state") {
		t.Errorf("one more: %q %v", dir, err)
	}
}

func TestPorts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	if got, err := choose(taken, 1); err != nil || got != taken {
		t.Errorf("a named one: %d %v, want %d even if it is taken", got, err, taken)
	}
	for _, wanted := range []int{-1, 0} {
		got, err := choose(wanted, taken)
		if err != nil || got == taken || got <= 0 {
			t.Errorf("%d while the usual one is taken: %d %v", wanted, got, err)
		}
		if l, err := net.Listen("tcp", local(got)); err != nil {
			t.Errorf("%d is not free: %v", got, err)
		} else {
			l.Close()
		}
	}
	free, err := choose(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := choose(-1, free); err != nil || got != free {
		t.Errorf("the usual one is free: %d %v, want %d", got, err, free)
	}
}

func TestSerialsStayWithTheDirectory(t *testing.T) {
	d := made(t, Options{})
	first, err := d.serialPrefix()
	if err != nil || len(first) != 12 || !strings.HasPrefix(first, "DEMO") {
		t.Fatalf("%q %v", first, err)
	}
	if again, err := d.serialPrefix(); err != nil || again != first {
		t.Errorf("%q %v, want %q again", again, err, first)
	}
	if other, err := made(t, Options{}).serialPrefix(); err != nil || other == first {
		t.Errorf("another directory has the same serials (%v)", err)
	}
}

func TestNumberOfPlugsIsBounded(t *testing.T) {
	for _, n := range []int{-1, 0, 51} {
		if plugs, err := made(t, Options{Plugs: n}).startPlugs(t.Context()); err == nil || plugs != nil || !strings.Contains(err.Error(), "1 to 50") {
			t.Errorf("%d plugs: %v", n, err)
		}
	}
}

// Both processes read the file that the demo writes, with the checks of a real gateway.
func TestConfigurationIsAcceptedAndStaysOnThisMachine(t *testing.T) {
	d := made(t, Options{Amount: "0.25", Period: 90 * time.Second, AverageEvery: 2 * time.Second})
	d.mqttPort, d.tlsPort, d.webPort = 11883, 18883, 18080
	plugs := []*devicestest.Plug{devicestest.New(devicestest.Options{Serial: "DEMOA01"}), devicestest.New(devicestest.Options{Serial: "DEMOA02"})}
	if err := d.writeConfig(plugs); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Parser{Demo: true}.Load(d.configFile())
	if err != nil {
		t.Fatal(err)
	}
	if c.Plugs.Interface != "lo" || strings.Join(c.Plugs.Allow, " ") != "DEMOA01 DEMOA02" {
		t.Errorf("plugs: %+v, want ours on the loopback interface and no others", c.Plugs)
	}
	if c.Publish.Level != config.Live || c.Publish.AverageEvery != 2*time.Second || c.Ledger.Network != config.Sandbox || c.Price.Amount != "0.25" || c.Price.Period != 90*time.Second {
		t.Errorf("%+v %+v %+v", c.Publish, c.Ledger, c.Price)
	}
	for key, address := range map[string]string{
		"broker.listen": c.Broker.Listen, "broker.tls-listen": c.Broker.TLSListen, "web.listen": c.Web.Listen, "web.tls-listen": c.Web.TLSListen, "metrics.listen": c.Metrics.Listen,
	} {
		if address != "" && !strings.HasPrefix(address, "127.0.0.1:") {
			t.Errorf("%s = %s: a demo is for this machine alone", key, address)
		}
	}
	if info, err := os.Stat(d.configFile()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

func TestHistoryIsAnHourMarkedAsMadeUp(t *testing.T) {
	d := made(t, Options{Plugs: 2})
	for range 2 { // the second start finds it there
		if err := d.seedHistory(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	store, err := readings.Open(t.Context(), d.dirs.Readings(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	rows, err := store.Averages(t.Context(), "", time.Now().Add(-2*time.Hour))
	if err != nil || len(rows) != 60 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, r := range rows {
		if !r.Simulated || r.PowerW == nil || *r.PowerW < 0 || r.WindowS != 60 || r.Coverage != 1 || i > 0 && r.End.Sub(rows[i-1].End) != time.Minute || r.End.After(time.Now()) {
			t.Fatalf("row %d: %+v", i, r)
		}
	}
}

func TestHistoryIsWhatThePlugsWouldHaveSaid(t *testing.T) {
	d := made(t, Options{Plugs: 3})
	end := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	var sum float64
	for s := range 60 {
		for plug := int64(1); plug <= 3; plug++ {
			sum += float64(devicestest.Curve(plug, end.Add(-time.Duration(s)*time.Second))) / 1000
		}
	}
	if got := d.meanOfMinute(end); math.Abs(got-sum/60) > 0.001 {
		t.Errorf("%v W, want %v", got, sum/60)
	}
}

// answering is a control socket in the demo's directory that tells a state.
func answering(t *testing.T, d *demo, st func() control.Status) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- control.Serve(ctx, d.dirs.ControlSocket(), []control.Route{{Pattern: "GET /v1/status", Access: control.Anyone, Call: func(context.Context, []byte) (any, error) {
			return st(), nil
		}}}, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() { cancel(); <-ended })
}

func TestReadyIsSaidOnceEveryPlugIsHeard(t *testing.T) {
	var out bytes.Buffer
	d := made(t, Options{Plugs: 3, JSON: true, Out: &out})
	d.mqttPort, d.tlsPort, d.webPort = 11883, 18883, 18080
	asked := 0
	answering(t, d, func() control.Status {
		asked++
		st := control.Status{State: control.StateServing, Gateway: "abcd", Plugs: control.PlugCount{Current: min(asked, 3), Expected: 3}}
		if asked == 3 { // all are heard, but the broker is not proven
			st.State = control.StateWithheld
		}
		return st
	})
	if err := d.announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := `{"ready":true,"mqtt":"mqtt://127.0.0.1:11883","tls":"mqtts://127.0.0.1:18883#abcd","web":"http://127.0.0.1:18080","state":"` + d.dirs.State + `"}` + "\n"
	if out.String() != want || asked != 4 {
		t.Errorf("after %d questions %q, want %q", asked, &out, want)
	}
	var r map[string]any
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Error(err)
	}
}

func TestReadyInWordsCanBeCopied(t *testing.T) {
	var out bytes.Buffer
	d := made(t, Options{Plugs: 1, Out: &out, Program: "/usr/bin/wattgate"})
	d.mqttPort, d.tlsPort, d.webPort = 11883, 18883, 18080
	answering(t, d, func() control.Status {
		return control.Status{State: control.StateServing, Gateway: "abcd", Plugs: control.PlugCount{Current: 1, Expected: 1}}
	})
	if err := d.announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "ready\n") {
		t.Errorf("%q does not begin with the line ready", &out)
	}
	for _, want := range []string{"mosquitto_sub -p 11883 ", "/usr/bin/wattgate buy mqtts://127.0.0.1:18883#abcd --wallet sandbox --watch\n", "/usr/bin/wattgate status --state " + d.dirs.State + "\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestWaitingEndsWithTheDemo(t *testing.T) {
	d := made(t, Options{Plugs: 1, Out: io.Discard})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.announce(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
