//go:build linux

package accept

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
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

// asked is what an order waits for.
type asked struct{ Address, Reference, State string }

// askedOf finds the order that a buyer has open, once it is placed.
func (w *world) askedOf(name string) (a asked) {
	w.t.Helper()
	w.eventually(time.Minute, func() error {
		var orders []control.Order
		if err := w.ask(&orders, "orders"); err != nil {
			return err
		}
		for _, o := range orders {
			if o.Username == name {
				a = asked{Address: w.status().Ledger.Address, Reference: o.Reference, State: o.State}
				return nil
			}
		}
		return fmt.Errorf("%s has placed no order", name)
	})
	return a
}

// payLine pays what is asked for, as a buyer's wallet would.
func payLine(a asked) string {
	return fmt.Sprintf(`curl -s -m 20 -H 'Content-Type: application/json' -d '{"address":"%s","amount":"500","reference":"%s"}' http://localhost:8080/api/v1/sandbox/pay`, a.Address, a.Reference)
}

// powerCut: the machine loses its power while a purchase is being paid. Whether the money had arrived by then or has to be
// sent again: one payment, one grant, and the same command, run again, hands over the access.
func powerCut(w *world) {
	w.noneRefused()
	held := w.nora()
	if err := w.g.Background(w.ctx, "buyer", vm.Root, buyLine("otto", "")); err != nil {
		w.t.Fatal(err)
	}
	order := w.askedOf("otto")
	if err := w.g.Background(w.ctx, "payer", vm.Root, payLine(order)); err != nil {
		w.t.Fatal(err)
	}
	w.g.Kill()
	if err := w.g.Boot(w.ctx, ""); err != nil {
		w.t.Fatal(err)
	}
	w.plugIn()
	w.active()
	w.serves("serving")
	w.holds(held)
	if w.askedOf("otto").State == "open" { // a payer who is sure that nothing went out pays again
		w.t.Log("the power was cut before the money arrived")
		w.must(payLine(order))
	}
	r := w.as(vm.Root, "timeout 120 sh -c "+vm.Quote(buyLine("otto", "")))
	var a access
	if err := json.Unmarshal([]byte(r.Stdout), &a); err != nil || r.Code != 0 {
		w.t.Fatalf("buy again: exit %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
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
