//go:build linux

package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func powerCut(t *testing.T, w *world) {
	w.provoke(t)
	w.must(t, "journalctl --sync; echo kept > /root/flushed && sync /root/flushed /root; echo lost > /root/fresh")
	w.g.Kill()
	if _, _, _, err := w.g.Run(t.Context(), "true"); err == nil {
		t.Error("the machine answers without power")
	}
	if err := w.g.Boot(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if got := w.must(t, "cat /root/flushed"); got != "kept" {
		t.Errorf("what was flushed reads %q after the power cut", got)
	}
	if got := w.must(t, "cat /root/fresh 2>/dev/null || true"); got != "" {
		t.Errorf("what was never flushed survived (%q): this is no power cut", got)
	}
	if ahead := w.skew(t); ahead.Abs() > 10*time.Second {
		t.Errorf("the guest's clock is off by %v", ahead)
	}
	w.must(t, "for i in $(seq 120); do snap services probe | grep -q ' active' && exit 0; sleep 1; done; exit 1")
}

// skew is how far the guest's clock is ahead of this machine's.
func (w *world) skew(t *testing.T) time.Duration {
	t.Helper()
	var seconds int64
	if _, err := fmt.Sscan(w.must(t, "date +%s"), &seconds); err != nil {
		t.Fatal(err)
	}
	return time.Until(time.Unix(seconds, 0))
}

func dayIn1970(t *testing.T, w *world) {
	w.g.Kill()
	if err := w.g.Boot(t.Context(), "1970-01-01"); err != nil {
		t.Fatal(err)
	}
	t.Logf("booted in 1970, the guest says: %s; its real-time clock: %s", w.must(t, "date -u"), w.must(t, "cat /sys/class/rtc/rtc0/date /sys/class/rtc/rtc0/time"))
	if got := w.must(t, "cat /sys/class/rtc/rtc0/date"); !strings.HasPrefix(got, "1970-") {
		t.Errorf("the real-time clock says %s", got)
	}
	if err := w.g.SetClock(t.Context(), time.Unix(86400, 0)); err != nil {
		t.Fatal(err)
	}
	if got := w.must(t, "date -u +%F"); got != "1970-01-02" {
		t.Errorf("the guest's day is %s", got)
	}
	w.provoke(t)
	if err := w.g.SetClock(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if ahead := w.skew(t); ahead.Abs() > 10*time.Second {
		t.Errorf("the guest's clock is off by %v", ahead)
	}
}

func reboots(t *testing.T, w *world) {
	w.must(t, "echo kept > /root/rebooted")
	if err := w.g.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	here := filepath.Join(t.TempDir(), "rebooted")
	if err := w.g.Get(t.Context(), "/root/rebooted", here); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(here); err != nil || string(got) != "kept\n" {
		t.Errorf("%q %v after a reboot", got, err)
	}
}

func refusalsAcrossBoots(t *testing.T, w *world) {
	if n := w.shadows(t, w.began); n != w.provoked {
		t.Errorf("%d of %d refusals are found after a power cut, a day in 1970 and a reboot", n, w.provoked)
	}
	if n := w.shadows(t, ""); n != 0 {
		t.Errorf("this boot has %d refusals, nothing was provoked in it", n)
	}
}

func shutsDown(t *testing.T, w *world) {
	if err := w.g.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !w.g.machine.dead() {
		t.Error("it is still on")
	}
	// A guest that does not come up must say why: here there is no disk to boot from.
	if err := os.Remove(w.g.drive()); err != nil {
		t.Fatal(err)
	}
	if err := w.g.Boot(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "disk.qcow2") {
		t.Errorf("a machine without a disk booted, or did not say why not: %v", err)
	}
}
