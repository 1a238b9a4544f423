//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// TestTwoServicesAndAPlugAsInARealInstallation runs what the systemd units run, with the default level: private.
func TestTwoServicesAndAPlugAsInARealInstallation(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	port := freePort(t)
	serial := "E2E" + port + "K0001"
	launch(t, nil, "simulate", "plug", "--serial", serial)
	config := writeConfig(t, fmt.Sprintf(`{"plugs":{"interface":"lo","allow":%q},"broker":{"listen":"127.0.0.1:%s","tls-listen":""},
		"web":{"listen":"","tls-listen":""}}`, serial, port))
	launch(t, nil, "broker", "--config", config, "--state", state)
	first := launch(t, nil, "run", "--config", config, "--state", state)
	awaitPrivate(t, state)

	made := built.plain.Run(t.Context(), "grants", "add", "jane", "--forever", "--json", "--state", state)
	var jane control.NewGrant
	if err := json.Unmarshal([]byte(made.Out), &jane); err != nil {
		t.Fatalf("%v\n%s", err, made)
	}
	broker := "mqtt://127.0.0.1:" + port
	own, err := wattgatetest.Connect(broker, wattgatetest.Login{Name: "jane", Password: jane.Password}, "#")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	stranger, err := wattgatetest.Connect(broker, anonymous, "#")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if _, err := own.Await(t.Context(), 5*time.Second, 4, "sensor/live"); err != nil {
		t.Fatal(err)
	}

	// The broker outlives the gateway: subscribers stay, and are told.
	first.stop()
	if _, err := stranger.Await(t.Context(), 2*time.Second, 2, "wattgate/availability"); err != nil {
		t.Error(err)
	}
	said := stranger.Messages("wattgate/availability")
	if last := said[len(said)-1].Payload; last != "offline" {
		t.Errorf("after SIGTERM availability is %q", last)
	}
	launch(t, nil, "run", "--config", config, "--state", state)
	awaitPrivate(t, state)
	seen := len(own.Messages("sensor/live"))
	if _, err := own.Await(t.Context(), 10*time.Second, seen+2, "sensor/live"); err != nil {
		t.Error(err)
	}
	if !own.LostAt().IsZero() {
		t.Error("the owner's user lost his connection with the gateway's restart")
	}
	for _, m := range stranger.Messages() {
		if isReading(m) {
			t.Errorf("a stranger gets %s: %s", m.Topic, m.Payload)
		}
	}
	readStream(t, own.Messages("sensor/live"))
}

// awaitPrivate waits until a private gateway serves its owner, with its plug.
func awaitPrivate(t *testing.T, state string) {
	t.Helper()
	eventually(t, 20*time.Second, func() error {
		r := built.plain.Run(t.Context(), "status", "--state", state, "--json")
		var st control.Status
		if err := json.Unmarshal([]byte(r.Out), &st); err != nil {
			return fmt.Errorf("%w\n%s", err, r)
		}
		return expect(r.Code == 0 && st.State == "private" && st.Broker.Proven && st.Plugs.Current == 1, r.String())
	})
}

func TestGatewaySpeaksToSystemd(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	socket := filepath.Join(state, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	said := &wattgatetest.Log{}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			_, _ = said.Write(append(buf[:n:n], '\n'))
		}
	}()
	config := writeConfig(t, `{"plugs":{"interface":"lo","allow":"none"},"web":{"listen":"","tls-listen":""}}`)
	p := launch(t, []string{"NOTIFY_SOCKET=" + socket, "WATCHDOG_USEC=2000000"}, "run", "--config", config, "--state", state)
	says(t, said, 10*time.Second, "READY=1")
	says(t, said, 5*time.Second, "STATUS=")
	says(t, said, 5*time.Second, "WATCHDOG=1")
	if strings.Contains(said.String(), "STOPPING=1") {
		t.Error("it says that it stops before it was asked to")
	}
	p.stop()
	says(t, said, 2*time.Second, "STOPPING=1")
}
