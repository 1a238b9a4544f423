//go:build linux

package gate

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// The broker's directory is on a disk of its own that fills up. More rights than are in force do no harm; a right that
// ended and cannot be taken away keeps everything back until there is space again.
func TestFullDiskKeepsRightsOrWithholds(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	dir := state + "/mosquitto"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("wattgate-test", dir, "tmpfs", 0, "size=256k,mode=0700"); err != nil {
		t.Skipf("SKIPPED a full disk: cannot mount a small file system (%v), only root can", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	w := begin(t, built.plain, state)
	w.people()
	broker := w.broker()
	other := w.buy()

	free := fill(t, w.file("filler"))
	full := time.Now()
	add := w.Run(t.Context(), "grants", "add", "jane", "--forever")
	w.served(full.Add(time.Second), 5*time.Second)
	st, err := w.status()
	if err != nil || st.State == control.StateWithheld || !strings.Contains(strings.Join(st.Reasons, " "), "full") {
		t.Errorf("an addition that cannot be written must harm nobody and be reported: %v %+v\n%s", err, st, add)
	}

	if r := w.Run(t.Context(), "grants", "revoke", other.Name); r.Code != 0 {
		t.Logf("revoke: %s", r)
	}
	eventually(t, 5*time.Second, func() error {
		st, err := w.status()
		return errors.Join(err, expect(st.State == control.StateWithheld, "not withheld: "+st.State))
	})
	w.mustSay(t, "full")
	eventually(t, 3*time.Second, func() error {
		said := w.stranger.messages("wattgate/status")
		return expect(strings.Contains(said[len(said)-1].Payload, `"state":"withheld","reason":"gate"`), fmt.Sprintf("wattgate/status says %s", said[len(said)-1].Payload))
	})
	kept := time.Now()
	pass(t, 2*time.Second)
	for _, m := range w.payer.messages(live) {
		if m.At.After(kept) {
			t.Fatal("a right that ended could not be taken away, and readings went out")
		}
	}
	free()
	back := time.Now()
	tls, _ := w.served(back, mended)
	t.Logf("the payer reads again %d ms after there is space", tls.Milliseconds())
	if st := w.serving(5 * time.Second); st.Broker.PID != broker || w.payer.losses() > 0 {
		t.Error("a full disk is no reason to restart the broker")
	}
}

// fill leaves no space on a disk; free gives it back.
func fill(t *testing.T, file string) (free func()) {
	t.Helper()
	free, err := wattgatetest.Fill(file)
	if err != nil {
		t.Fatal(err)
	}
	return free
}
