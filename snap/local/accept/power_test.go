//go:build linux

package accept

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/wattgate/wattgate/snap/local/vm"
)

// noneRefused looks before the journal's tail is lost with the power.
func (w *world) noneRefused() {
	w.t.Helper()
	refusals, err := w.g.Refusals(w.ctx, w.began)
	if err != nil {
		w.t.Fatal(err)
	}
	if bad, _ := vm.Unexpected(refusals, "wattgate", expected()); len(bad) > 0 {
		w.t.Errorf("refused before the power cut: %s", bad[0].Text)
	}
}

// powerCut: the machine loses its power while a purchase is paid. The same command, run again, ends it: one payment, one
// grant.
func powerCut(w *world) {
	w.noneRefused()
	held := w.nora()
	if err := w.g.Background(w.ctx, "buyer", vm.Root, buyLine("otto", "--wallet sandbox")); err != nil {
		w.t.Fatal(err)
	}
	w.eventually(time.Minute, func() error {
		_, said, err := w.g.Printed(w.ctx, "buyer")
		if err != nil || !strings.Contains(said, "pay ") {
			return fmt.Errorf("the buyer has not been asked to pay: %s %v", said, err)
		}
		return nil
	})
	w.g.Kill()
	if err := w.g.Boot(w.ctx, ""); err != nil {
		w.t.Fatal(err)
	}
	w.plugIn()
	w.active()
	w.serves("serving")
	w.holds(held)
	var a access
	w.eventually(2*time.Minute, func() error {
		r := w.as(vm.Root, buyLine("otto", "--wallet sandbox"))
		if err := json.Unmarshal([]byte(r.Stdout), &a); err != nil || r.Code != 0 {
			return fmt.Errorf("buy again: exit %d\n%s%s", r.Code, r.Stdout, r.Stderr)
		}
		return nil
	})
	w.holds(a)
	if got := a.End.Sub(a.Start); got != time.Hour {
		w.t.Errorf("an hour became %v", got)
	}
}

// dayIn1970: a board without a clock boots in the past. No grant ends or starts by that, and all is well once the time is
// known.
func dayIn1970(w *world) {
	w.noneRefused()
	held := w.nora()
	w.g.Kill()
	if err := w.g.Boot(w.ctx, "1970-01-01"); err != nil {
		w.t.Fatal(err)
	}
	if err := w.g.SetClock(w.ctx, time.Unix(3600, 0)); err != nil {
		w.t.Fatal(err)
	}
	w.must("systemctl restart snap.wattgate.mosquitto snap.wattgate.daemon")
	w.plugIn()
	w.eventually(serveLimit, func() error {
		st := w.status()
		if st.Clock.Now.Before(held.End.Add(-24 * time.Hour)) {
			return fmt.Errorf("the gateway believes that it is %v", st.Clock.Now)
		}
		return nil
	})
	w.holds(held)
	if err := w.g.SetClock(w.ctx, time.Now()); err != nil {
		w.t.Fatal(err)
	}
	w.eventually(serveLimit, func() error {
		st := w.status()
		if !st.Clock.Trusted || st.State != "serving" || time.Since(st.Clock.Now).Abs() > time.Minute {
			return fmt.Errorf("after the step to today: %+v", st)
		}
		return nil
	})
	w.holds(held)
}

// snapshotComesBack: `snap save` and `snap restore` bring books and identity back.
func snapshotComesBack(w *world) {
	held := w.nora()
	gateway := w.status().Gateway
	set := strings.Fields(w.must("snap save wattgate | tail -n 1"))[0]
	w.must("wattgate grants add later --forever")
	w.must("snap restore " + set)
	w.must("snap restart wattgate")
	if st := w.serves("serving"); st.Gateway != gateway {
		w.t.Errorf("gateway %s became %s", gateway, st.Gateway)
	}
	w.holds(held)
	for _, g := range w.grants() {
		if g.Username == "later" {
			w.t.Error("what was done after the snapshot is still there")
		}
	}
	w.must("snap forget " + set)
}
