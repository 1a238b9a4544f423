//go:build linux

package e2e

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// overTLS splits the ready line's mqtts://host:port#FINGERPRINT.
func (g *gateway) overTLS() (broker, fingerprint string) {
	g.t.Helper()
	broker, fingerprint, ok := strings.Cut(g.TLS, "#")
	if !ok || !strings.HasPrefix(broker, "mqtts://") || fingerprint != g.status().Gateway {
		g.t.Fatalf("the ready line must name the TLS port and the gateway's fingerprint: %q", g.TLS)
	}
	return broker, fingerprint
}

func TestBuyingOverTLSFromAPinnedGateway(t *testing.T) {
	t.Parallel()
	g := start(t)
	broker, fingerprint := g.overTLS()
	b := newBuyer(t)
	var a access
	r := b.program.Run(t.Context(), "buy", g.TLS, "--wallet", "sandbox", "--json")
	strictly(t, r.Out, &a)
	if r.Code != 0 || !strings.HasPrefix(a.Broker, broker) {
		t.Fatalf("cannot buy over TLS\n%s", r)
	}

	// A reader of any make, with the certificate the gateway made for itself.
	port := strconv.Itoa(g.TLSPort())
	sub := exec.CommandContext(t.Context(), "mosquitto_sub", "-h", "127.0.0.1", "-p", port, "--cafile", filepath.Join(g.State, "tls", "cert.pem"),
		"-u", a.Username, "-P", a.Password, "-t", "sensor/live", "-C", "3", "-W", "10")
	out, err := sub.CombinedOutput()
	if err != nil || strings.Count(string(out), `"seq"`) != 3 {
		t.Errorf("mosquitto_sub over TLS: %v\n%s", err, out)
	}

	stranger, err := wattgatetest.Connect(broker, anonymous, "#", "sensor/live")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	pass(t, 1500*time.Millisecond)
	if len(stranger.Messages("sensor/1m")) == 0 || len(stranger.Messages("sensor/live")) != 0 {
		t.Errorf("over TLS strangers get the same as without: %v", stranger.Messages())
	}

	other := strings.Repeat("0", len(fingerprint))
	wrong := newBuyer(t).program.Run(t.Context(), "buy", broker+"#"+other, "--wallet", "sandbox")
	if wrong.Code != 1 || len(g.orders()) != 1 {
		t.Errorf("a gateway other than the pinned one must get no order: %d orders\n%s", len(g.orders()), wrong)
	}
}

func TestTLSPortInUseCostsThatPortOnly(t *testing.T) {
	t.Parallel()
	_, port := occupy(t)
	g := start(t, "--tls-port", port)
	if l := listenerOf(t, g.status(), "broker.tls-listen"); !strings.Contains(l.Address, port) || l.Problem == "" || !strings.Contains(l.Remedy, "broker.tls-listen=") {
		t.Errorf("status must name the key, the port and the command that moves it: %+v", l)
	}
	newBuyer(t).buy(g)
}
