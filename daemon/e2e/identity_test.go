//go:build linux

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// Even where single plugs are for outsiders too, what strangers and buyers see of a plug is an id that tells nothing, or
// the name its owner chose for the purpose: never its serial number, its MAC address or its friendly name.
func TestOutsiderNeverLearnsWhatAPlugIsCalled(t *testing.T) {
	t.Parallel()
	g := start(t, "--average-every", "1s")
	g.reload(map[string]any{"publish.per-plug": true})
	var plugs []control.Plug
	g.read(&plugs, "plugs")
	// Those of other demos on this machine are listed too; they do not count.
	plugs = slices.DeleteFunc(plugs, func(p control.Plug) bool { return !p.Counts })
	if len(plugs) < 2 {
		t.Fatalf("%d plugs, want two", len(plugs))
	}
	var done control.Done
	g.read(&done, "plugs", "name", plugs[0].Serial, "cellar")

	a := newBuyer(t).buy(g)
	stranger := g.connect(anonymous, "#")
	payer := g.connect(wattgatetest.Login{Name: a.Username, Password: a.Password}, "#")
	ids := []string{"cellar", plugs[1].ID}
	err := wattgatetest.Eventually(t.Context(), 15*time.Second, func() error {
		for _, id := range ids {
			if len(payer.Messages("sensor/plug/"+id+"/live")) == 0 || len(stranger.Messages("sensor/plug/"+id+"/1m")) == 0 {
				return fmt.Errorf("nothing of plug %s yet", id)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() error { // the offer follows with the next look at the rights
		_, offer := g.get("/api/v1/offer")
		return expect(strings.Contains(offer, "sensor/plug/cellar/"), "the offer does not name the plug by its new name")
	})
	var seen strings.Builder
	for _, m := range append(stranger.Messages(), payer.Messages()...) {
		fmt.Fprintf(&seen, "%s %s\n", m.Topic, m.Payload)
	}
	for _, path := range []string{"/api/v1/offer", "/api/v1/average", "/healthz"} {
		res, err := http.Get(g.Web + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		seen.Write(body)
	}
	for _, p := range plugs {
		for what, secret := range map[string]string{"serial number": p.Serial, "friendly name": p.Friendly, "address": p.Address} {
			if secret == "" || strings.Contains(strings.ToLower(seen.String()), strings.ToLower(secret)) {
				t.Errorf("the %s %q is shown to outsiders, or the test does not know it", what, secret)
			}
		}
	}
	if strings.Contains(seen.String(), "sensor/plug/"+plugs[0].ID+"/") {
		t.Errorf("the old id %s of the plug now called cellar is still shown", plugs[0].ID)
	}
}
