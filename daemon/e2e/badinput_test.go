//go:build linux

package e2e

import (
	"bytes"
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to damage a database the way a newer release would

	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// occupy takes a port as another program would.
func occupy(t *testing.T) (l net.Listener, port string) {
	t.Helper()
	port = freePort(t)
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, port
}

// listenerOf is what status says about one listener.
func listenerOf(t *testing.T, st control.Status, key string) control.Listener {
	t.Helper()
	for _, l := range st.Broker.Listeners {
		if l.Name == key {
			return l
		}
	}
	t.Fatalf("status does not name %s: %+v", key, st.Broker.Listeners)
	return control.Listener{}
}

func TestMQTTPortInUseCostsThatPortOnly(t *testing.T) {
	t.Parallel()
	_, port := occupy(t)
	g := start(t, "--mqtt-port", port)
	st := g.status()
	l := listenerOf(t, st, "broker.listen")
	if !strings.Contains(l.Address, port) || l.Problem == "" || !strings.Contains(l.Remedy, "broker.listen=") {
		t.Errorf("status must name the key, the port and the command that moves it: %+v", l)
	}
	if r := g.Run(t.Context(), "status"); !strings.Contains(r.Out, port) || !strings.Contains(r.Out, "broker.listen=0.0.0.0:PORT") {
		t.Errorf("the table must name the port and the remedy too\n%s", r)
	}
	for _, path := range []string{"/healthz", "/api/v1/offer", "/api/v1/average"} {
		if code, body := g.get(path); code != 200 {
			t.Errorf("the rest must go on; GET %s: %d %s", path, code, body)
		}
	}
	if !st.Broker.Proven || st.Plugs.Current != 2 {
		t.Errorf("the rest must go on: %+v", st)
	}
}

func TestWebPortInUseCostsThatPortOnlyAndIsTakenWhenFree(t *testing.T) {
	t.Parallel()
	l, port := occupy(t)
	g := start(t, "--web-port", port)
	problem := listenerOf(t, g.status(), "web.listen")
	if !strings.Contains(problem.Address, port) || problem.Problem == "" || !strings.Contains(problem.Remedy, "web.listen=") {
		t.Errorf("status must name the key, the port and the command that moves it: %+v", problem)
	}
	s := g.subscribe(g.addOwner("jane"), "sensor/live")
	if _, err := s.Await(t.Context(), 5*time.Second, 2, "sensor/live"); err != nil {
		t.Errorf("the rest must go on: %v", err)
	}
	_ = l.Close()
	eventually(t, 10*time.Second, func() error {
		return expect(listenerOf(t, g.status(), "web.listen").Problem == "", "the port is free and was not taken")
	})
	if code, body := g.get("/healthz"); code != 200 {
		t.Errorf("%d %s", code, body)
	}
}

func TestWithoutMosquittoTheRemedyIsNamed(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	r := refuses(t, built.plain.With("WATTGATE_MOSQUITTO=/nonexistent/mosquitto"), "demo", "--state", state)
	if !strings.Contains(r.Err, "cannot use the Mosquitto that WATTGATE_MOSQUITTO names") || !strings.Contains(r.Err, "/nonexistent/mosquitto") {
		t.Errorf("it must say what is wrong\n%s", r)
	}
	if strings.Count(r.Err, "\n") > 3 {
		t.Errorf("one clear message, not a heap of them\n%s", r)
	}
}

func TestStateDirectoryThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	config := writeConfig(t, `{}`)
	file := filepath.Join(stateDir(t), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"demo", "--state", file}, {"run", "--config", config, "--state", file}} {
		r := refuses(t, built.plain, args...)
		if !strings.Contains(r.Err, "cannot") || !strings.Contains(r.Err, file) || !strings.Contains(r.Err, "--state") {
			t.Errorf("%v: it must name the directory and the remedy\n%s", args, r)
		}
	}
}

func TestStateDirectoryOfSomebodyElse(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED a state directory of another user: only root can try it")
	}
	forbidden := stateDir(t) // 0700, root's
	r := built.plain.RunAs(t.Context(), nobody, nobody, "demo", "--state", filepath.Join(forbidden, "state"))
	if r.Code != 1 || !strings.Contains(r.Err, "permission denied") || !strings.Contains(r.Err, "--state") {
		t.Errorf("a directory of somebody else\n%s", r)
	}
}

// usedState makes a state directory with a sale in its books.
func usedState(t *testing.T) string {
	t.Helper()
	state := stateDir(t)
	g := startIn(t, built.plain, state)
	newBuyer(t).buy(g)
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	return state
}

func TestDatabaseOfANewerReleaseIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	state := usedState(t)
	file := filepath.Join(state, "wattgate.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO schema_versions (version, readable_by) VALUES (999, 999)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r := refusesUnchanged(t, state, file)
	if !strings.Contains(r.Err, "newer release") || !strings.Contains(r.Err, "install that release again") {
		t.Errorf("it must say what is wrong and what to do\n%s", r)
	}
}

func TestCorruptDatabaseIsRefusedAndSaysHowToRestore(t *testing.T) {
	t.Parallel()
	state := usedState(t)
	file := filepath.Join(state, "wattgate.db")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(data); i += 512 {
		copy(data[i:], "damage damage damage damage damage damage damage")
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	r := refusesUnchanged(t, state, file)
	for _, said := range []string{file, "damaged", "copy", "aside"} {
		if !strings.Contains(r.Err, said) {
			t.Errorf("it must say how to restore, %q is missing\n%s", said, r)
		}
	}
}

// refusesUnchanged starts a gateway on a database that must be refused and not be touched.
func refusesUnchanged(t *testing.T, state, file string) wattgatetest.Result {
	t.Helper()
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := refuses(t, built.plain, "run", "--config", writeConfig(t, `{"plugs":{"interface":"lo"}}`), "--state", state)
	after, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the database was touched: %v", err)
	}
	return r
}

func TestConfigWithThreeMistakesNamesAllThree(t *testing.T) {
	t.Parallel()
	file := writeConfig(t, `{"publish":{"level":"public"},"price":{"amount":"5e-4"},"broker":{"lisen":"0.0.0.0:1883"}}`)
	for _, args := range [][]string{{"check-config", file}, {"run", "--config", file, "--state", stateDir(t)}} {
		r := refuses(t, built.plain, args...)
		for _, said := range []string{"publish.level", "public", "price.amount", "5e-4", "broker.lisen", "broker.listen"} {
			if !strings.Contains(r.Err, said) {
				t.Errorf("%v does not name %q\n%s", args, said, r)
			}
		}
	}
	if r := built.plain.Run(t.Context(), "check-config", writeConfig(t, `{}`)); r.Code != 0 {
		t.Errorf("the empty configuration is valid\n%s", r)
	}
}
