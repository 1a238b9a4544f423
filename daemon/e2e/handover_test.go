//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// handOver gives the gateway a document as snapd's configure hook does.
func (g *gateway) handOver(document string) error {
	var done control.Done
	return control.NewClient(filepath.Join(g.State, "control.sock")).Post(g.t.Context(), "/v1/config", json.RawMessage(document), &done)
}

// changed is the demo's configuration with some keys changed, by group and name.
func (g *gateway) changed(change func(map[string]map[string]any)) string {
	g.t.Helper()
	data, err := os.ReadFile(g.ConfigFile())
	if err != nil {
		g.t.Fatal(err)
	}
	var document map[string]map[string]any
	if err := json.Unmarshal(data, &document); err != nil {
		g.t.Fatal(err)
	}
	change(document)
	if data, err = json.Marshal(document); err != nil {
		g.t.Fatal(err)
	}
	return string(data)
}

func TestDocumentIsInForceOnceItIsTakenOrRefusedWithAllProblems(t *testing.T) {
	t.Parallel()
	// A demo may average faster than a document handed over may say.
	g := start(t)
	if err := g.handOver(g.changed(func(d map[string]map[string]any) { d["price"]["amount"] = "0.003" })); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() error { // the offer follows with the next look at the rights
		offers := g.connect(anonymous, "wattgate/offer")
		got, err := offers.Await(t.Context(), 2*time.Second, 1, "wattgate/offer")
		if err != nil {
			return err
		}
		offers.Close()
		return expect(priceOf(t, got[0].Payload) == "0.003", "the offer has the old price")
	})
	err := g.handOver(`{"price":{"amount":"free"},"publish":{"level":"open"},"prize":{"x":1}}`)
	for _, want := range []string{"price.amount", "publish.level", "prize"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the refusal does not name %s: %v", want, err)
		}
	}
	// Right by itself, and not on this ledger: a millionth of an IOTA is the least there is.
	err = g.handOver(g.changed(func(d map[string]map[string]any) { d["price"]["amount"] = "0.0000001" }))
	if err == nil || !strings.Contains(err.Error(), "price.amount") {
		t.Errorf("a price the ledger cannot express: %v", err)
	}
	if st := g.status(); st.Level != "live" {
		t.Errorf("a refused document changed the level to %s", st.Level)
	}
}

func TestAnotherLedgerDropsNobodyAndEndsPlayMoneyGrants(t *testing.T) {
	t.Parallel()
	g := start(t)
	owner := g.connect(g.addOwner("jane"), "sensor/live")
	if _, err := owner.Await(t.Context(), 5*time.Second, 2, "sensor/live"); err != nil {
		t.Fatal(err)
	}
	gatewayPID, brokerPID := g.Children()
	document := g.changed(func(d map[string]map[string]any) {
		delete(d, "ledger")
		d["publish"]["level"] = "average"
	})
	if err := g.handOver(document); err != nil {
		t.Fatal(err)
	}
	says(t, g.Log, 10*time.Second, "another ledger, the gateway starts anew")
	eventually(t, 10*time.Second, func() error {
		var st control.Status
		if err := g.Read(t.Context(), &st, "status"); err != nil {
			return err
		}
		return expect(st.Ledger.Network == "" && st.State == "serving", fmt.Sprintf("the status is %+v", st))
	})
	seen := len(owner.Messages("sensor/live"))
	if _, err := owner.Await(t.Context(), 10*time.Second, seen+2, "sensor/live"); err != nil {
		t.Fatal(err)
	}
	if at := owner.LostAt(); !at.IsZero() {
		t.Errorf("a reader was disconnected at %s", at)
	}
	if g2, b2 := g.Children(); g2 != gatewayPID || b2 != brokerPID {
		t.Errorf("processes %d and %d became %d and %d", gatewayPID, brokerPID, g2, b2)
	}
}

func TestABackupBringsBackBooksAndIdentity(t *testing.T) {
	t.Parallel()
	g := start(t)
	a := newBuyer(t).buy(g)
	file := filepath.Join(t.TempDir(), "backup")
	if r := g.Run(t.Context(), "backup", file); r.Code != 0 || !strings.Contains(r.Err, "identity key") {
		t.Fatalf("%s", r)
	}
	if r := g.Run(t.Context(), "backup", file); r.Code != 1 || !strings.Contains(r.Err, "not there yet") {
		t.Errorf("a backup was overwritten: %s", r)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if r := g.Run(t.Context(), "backup", "-"); r.Code != 0 || len(r.Out) < len(whole)/2 {
		t.Errorf("to standard output: %d bytes, exit %d", len(r.Out), r.Code)
	}
	fingerprint := g.status().Gateway

	// Half a backup, and one with a damaged database, change nothing.
	for name, bad := range map[string][]byte{"half": whole[:len(whole)/2], "damaged": bytes.Replace(whole, []byte("CREATE TABLE"), []byte("CREATE TIBLE"), 1)} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if r := g.Run(t.Context(), "restore", path); r.Code != 1 || !strings.Contains(r.Err, "cannot use the backup") {
			t.Errorf("%s: %s", name, r)
		}
	}

	other := start(t)
	if other.status().Gateway == fingerprint {
		t.Fatal("two demos have one identity")
	}
	if r := other.Run(t.Context(), "restore", file); r.Code != 0 || !strings.Contains(r.Out, fingerprint) {
		t.Fatalf("%s", r)
	}
	eventually(t, 15*time.Second, func() error {
		var st control.Status
		if err := other.Read(t.Context(), &st, "status"); err != nil {
			return err
		}
		return expect(st.Gateway == fingerprint && st.State == "serving", fmt.Sprintf("after the restore: %+v", st))
	})
	grants := other.grants()
	if len(grants) != 1 || grants[0].Username != a.Username || !grants[0].End.Equal(a.End) {
		t.Errorf("the grant came back as %+v, it was %+v", grants, a)
	}
	if p := other.payments(); len(p) != 1 || p[0].Order != a.Order {
		t.Errorf("the payment came back as %+v", p)
	}
	eventually(t, 10*time.Second, func() error { // the password of then opens the stream of now
		c, err := wattgatetest.Connect(other.MQTT, a.login())
		if err == nil {
			c.Close()
		}
		return err
	})
	if _, err := os.Stat(filepath.Join(other.State, "before-restore", "wattgate.db")); err != nil {
		t.Errorf("what was there before is gone: %v", err)
	}
}

func TestAHungGatewayIsStartedAgain(t *testing.T) {
	t.Parallel()
	c := startCrashing(t)
	a := newBuyer(t).buy(c.gateway)
	before, _ := c.Children()
	c.arm("hang staged")
	go c.Run(t.Context(), "grants", "add", "jane", "--forever") // a change of rights, which will not come to its end
	eventually(t, 60*time.Second, func() error {
		now, _ := c.Children()
		return expect(now != before && now != 0, fmt.Sprintf("process %d still hangs", now))
	})
	says(t, c.Log, time.Second, "gateway hangs")
	eventually(t, 15*time.Second, func() error {
		r, err := wattgatetest.Connect(c.MQTT, a.login(), "sensor/live")
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = r.Await(t.Context(), 3*time.Second, 1, "sensor/live")
		return err
	})
}
