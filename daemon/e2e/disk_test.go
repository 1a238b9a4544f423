//go:build linux

package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// smallDisk mounts a file system of a few megabytes until the end of the test.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := stateDir(t)
	if err := syscall.Mount("wattgate-test", dir, "tmpfs", 0, "size=6m,mode=0711"); err != nil {
		t.Skipf("SKIPPED a full disk: cannot mount a small file system (%v), only root can", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fill leaves no space on a disk; free gives it back.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	free, err := wattgatetest.Fill(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	return free
}

func TestFullDiskLosesNoPaymentAndHealsByItself(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	g := startIn(t, built.plain, dir)
	paidBefore := newBuyer(t).buy(g)
	reader := g.connect(paidBefore.login(), "sensor/live")

	// Orders that are open when the disk fills up, and are paid for then.
	late := newBuyer(t)
	cmd, said := late.begin(g)
	says(t, said, 10*time.Second, "waiting for the payment")
	free := fill(t, dir)
	told := 0
	to, reference := payTo.FindStringSubmatch(said.String()), payReference.FindStringSubmatch(said.String())
	for range 40 {
		if code, text := payOnce(t, g, to[1], "500", reference[1]); code == 200 {
			told++
		} else if strings.Contains(text, "no space") || strings.Contains(text, "disk is full") || strings.Contains(text, "full") {
			break
		} else {
			t.Fatalf("a payment that cannot be kept must be refused with the reason: %d %s", code, text)
		}
	}
	t.Logf("%d payments were taken before the full disk refused one", told)
	checkSaysFull(t, g)
	seen := len(reader.Messages("sensor/live"))
	if _, err := reader.Await(t.Context(), 10*time.Second, seen+2, "sensor/live"); err != nil {
		t.Errorf("who has paid must go on reading: %v", err)
	}

	free()
	eventually(t, 30*time.Second, func() error {
		if n := len(g.payments()); n != told+1 {
			return fmt.Errorf("%d payments are in the books, %d were taken", n, told+1)
		}
		return expect(g.status().State == "serving", "not serving after the space is back")
	})
	if told == 0 {
		payByHand(t, g, said.String(), "500")
		told++
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("the buyer was not served: %v\n%s", err, said)
		}
	case <-time.After(20 * time.Second):
		t.Errorf("the buyer who paid on the full disk is not served:\n%s", said)
	}
	for _, p := range g.payments() {
		if p.Order == "" {
			t.Errorf("a payment was not credited: %+v", p)
		}
	}
	for _, x := range g.grants() {
		if x.Username == paidBefore.Username {
			continue
		}
		if worth := x.End.Sub(*x.Start); worth != time.Duration(told)*time.Hour {
			t.Errorf("%d payments of an hour each bought %s", told, worth)
		}
	}
}

// checkSaysFull expects the owner to learn from the status and the log what is wrong.
func checkSaysFull(t *testing.T, g *gateway) {
	t.Helper()
	eventually(t, 5*time.Second, func() error {
		r := g.Run(t.Context(), "status")
		return expect(r.Code != 3 && strings.Contains(r.Out, "full"), "the status does not say that the disk is full\n"+r.String())
	})
	says(t, g.Log, time.Second, "full")
}
