//go:build linux

package gate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
)

// The gateway dies at each step of an apply, and a stranger's SIGHUP makes the broker load whatever it left behind.
func TestGatewayKilledAtAnyStepOfAnApplyGivesNothingAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := begin(t, built.crashing.With("WATTGATE_CRASH_DIR="+dir), stateDir(t))
	w.people()
	broker := w.broker()
	at := filepath.Join(dir, "at")
	for i, step := range []string{"rendered", "staged", "acl replaced", "passwd replaced", "durable", "signalled", "probe in", "proven"} {
		w.afterSlot()
		armed := time.Now()
		if err := errors.Join(os.WriteFile(at+".new", []byte(step), 0o600), os.Rename(at+".new", at)); err != nil {
			t.Fatal(err)
		}
		// The command may lose its gateway; that the user is there in the end is what counts.
		user := fmt.Sprintf("user-%d", i)
		w.Run(t.Context(), "grants", "add", user, "--for", "1h")
		eventually(t, 10*time.Second, func() error {
			_, err := os.Stat(at)
			return expect(errors.Is(err, os.ErrNotExist), "the gateway did not die at "+step)
		})
		died := time.Now()
		if err := hangUp(broker); err != nil {
			t.Fatal(err)
		}
		w.serving(20 * time.Second)
		tls, _ := w.served(time.Now(), mended)
		t.Logf("%-16s the payer's longest gap was %4d ms; serving again %4d ms after the death", step,
			w.payer.gap(armed).Milliseconds(), (time.Since(died) - tls).Milliseconds())
		var grants []control.Grant
		if err := w.Read(t.Context(), &grants, "grants"); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(grants, func(g control.Grant) bool { return g.Username == user && g.State == "active" }) {
			t.Errorf("%s: the user whose access was being put into force is not there: %+v", step, grants)
		}
	}
	if w.broker() != broker || w.payer.losses() > 0 {
		t.Error("a gateway that dies must cost nobody the connection: the broker outlives it")
	}
}
