package broker

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/tlscert"
)

// freeAddress is a loopback address with a port that nobody has.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func takenAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// plainListeners leaves out the inner listener for WebSockets, which is always there.
func plainListeners(c config.Broker) ([]acl.Listener, []Listener) {
	has, all := listeners(c, tlscert.Certificate{}, nil)
	return has[:len(has)-1], all[:len(all)-1]
}

func TestWebSocketsListenOnLoopbackAlone(t *testing.T) {
	has, all := listeners(config.Broker{MaxConnections: 10}, tlscert.Certificate{}, nil)
	if len(has) != 1 || has[0].Protocol != acl.WebSockets || has[0].Address != "127.0.0.1" || has[0].Port == 0 {
		t.Errorf("%+v", has)
	}
	if len(all) != 1 || all[0].Key != KeyWebSockets || all[0].Problem != "" || strings.HasSuffix(all[0].Address, ":0") {
		t.Errorf("%+v", all)
	}
}

func TestBadCertificateCostsTheTLSListenerAlone(t *testing.T) {
	c := config.Broker{Listen: freeAddress(t), TLSListen: freeAddress(t), MaxConnections: 10}
	has, all := listeners(c, tlscert.Certificate{}, errors.New("it ended"))
	if len(has) != 2 || len(all) != 3 || all[1].Key != KeyTLS || all[1].Problem != "it ended" {
		t.Errorf("%+v %+v", has, all)
	}
}

func TestFreePortIsTaken(t *testing.T) {
	address := freeAddress(t)
	has, all := plainListeners(config.Broker{Listen: address, MaxConnections: 77})
	if len(has) != 1 || len(all) != 1 {
		t.Fatalf("%+v %+v", has, all)
	}
	if got := net.JoinHostPort(has[0].Address, portOf(t, address)); got != address || has[0].MaxConnections != 77 {
		t.Errorf("%+v, want %s and 77 connections", has[0], address)
	}
	if want := (Listener{Key: "broker.listen", Address: address}); all[0] != want {
		t.Errorf("%+v, want %+v", all[0], want)
	}
	if l, err := net.Listen("tcp", address); err != nil {
		t.Errorf("the port is not given back for Mosquitto: %v", err)
	} else {
		l.Close()
	}
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestPortInUseIsLeftOutAndNamed(t *testing.T) {
	for name, address := range map[string]string{
		"another program uses this port":   takenAddress(t),
		"this machine has no such address": "192.0.2.1:1883", // for documentation only, RFC 5737
		"missing port":                     "127.0.0.1",
	} {
		has, all := plainListeners(config.Broker{Listen: address, MaxConnections: 10})
		if len(has) != 0 || len(all) != 1 || all[0].Key != "broker.listen" || all[0].Address != address || !strings.Contains(all[0].Problem, name) {
			t.Errorf("%s: %+v %+v, want the problem %q", address, has, all, name)
		}
	}
}

func TestListenerThatIsOffIsNoProblem(t *testing.T) {
	if has, all := plainListeners(config.Broker{MaxConnections: 10}); len(has)+len(all) != 0 {
		t.Errorf("%+v %+v", has, all)
	}
}

// What prepare writes must be what Listeners, in the gateway's process, reads; and a broker whose port is taken must
// still get a configuration that serves the gateway.
func TestListenersRoundTrip(t *testing.T) {
	dir := t.TempDir()
	if all, err := Listeners(dir); err != nil || all != nil {
		t.Errorf("before the first start: %+v %v", all, err)
	}
	has, all := plainListeners(config.Broker{Listen: takenAddress(t), MaxConnections: 10})
	if err := prepare(dir, has, all); err != nil {
		t.Fatal(err)
	}
	got, err := Listeners(dir)
	if err != nil || !slices.Equal(got, all) || got[0].Problem == "" {
		t.Errorf("%+v %v, want %+v", got, err, all)
	}
	conf, err := os.ReadFile(filepath.Join(dir, "mosquitto.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(conf), "listener 0 "+filepath.Join(dir, "broker.sock")) || strings.Contains(string(conf), "127.0.0.1") {
		t.Errorf("want the internal listener alone:\n%s", conf)
	}
	for _, name := range []string{"acl", "passwd", listenersFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v, want mode 0600", name, info, err)
		}
	}
	acls, err := os.ReadFile(filepath.Join(dir, "acl"))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := acl.ParseACL(acls)
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"sensor/live", "sensor/1m", "wattgate/status", "wattgate/orders", "$canary/free"} {
		if rules.MayRead("", "c", topic) || rules.MayWrite("", "c", topic) {
			t.Errorf("before the gateway's first word anybody has a right on %s", topic)
		}
	}
}

func TestUnreadableListenersAreAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, listenersFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, err := Listeners(dir); err == nil || all != nil || !strings.Contains(err.Error(), "cannot read what the broker listens on") {
		t.Errorf("%+v %v", all, err)
	}
}
