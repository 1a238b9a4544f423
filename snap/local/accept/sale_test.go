//go:build linux

package accept

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/wattgate/wattgate/snap/local/vm"
)

// access is what `buy --json` prints.
type access struct {
	Order, Username, Password string
	Start, End                time.Time
}

// buyLine is a buyer's command in the plugs' network, with a home of his own.
func buyLine(name, flags string) string {
	return fmt.Sprintf("XDG_STATE_HOME=/root/buyers/%s ip netns exec plugs /root/plug buy mqtt://%s:1883 --username %[1]s --json %[3]s", name, vm.HomeAddress, flags)
}

func (w *world) buy(name string) access {
	w.t.Helper()
	r := w.as(vm.Root, buyLine(name, "--wallet sandbox"))
	var a access
	if err := json.Unmarshal([]byte(r.Stdout), &a); err != nil || r.Code != 0 {
		w.t.Fatalf("buy: exit %d, %v\n%s%s", r.Code, err, r.Stdout, r.Stderr)
	}
	return a
}

// saleAndEnd: at live a stranger reads the average and not the stream; play money opens it, and its end closes it.
func saleAndEnd(w *world) {
	w.must("snap set wattgate ledger.network=sandbox publish.level=live price.period=1m")
	w.serves("serving")
	if r := w.fromOutside("-t '#' -W 70"); !strings.Contains(r.Stdout, "\nsensor/1m {") || strings.Contains(r.Stdout, "\nsensor/live") || strings.Contains(r.Stdout, "\nsensor/plug") {
		w.t.Errorf("a stranger reads at live:\n%s", r.Stdout)
	}
	a := w.buy("mary")
	login := fmt.Sprintf("-u %s -P %s ", a.Username, a.Password)
	if r := w.fromOutside(login + "-t sensor/live -C 3 -W 10"); strings.Count(r.Stdout, "power_w") != 3 {
		w.t.Errorf("who paid reads %q, %s", r.Stdout, r.Stderr)
	}
	// The stream ends with the minute: nothing comes after it, and the name lets nobody in again.
	r := w.fromOutside(login + "-t sensor/live -W 75 | tail -n 1")
	var last struct{ TS time.Time }
	if _, payload, _ := strings.Cut(r.Stdout, " "); json.Unmarshal([]byte(payload), &last) != nil || last.TS.After(a.End.Add(time.Second)) || last.TS.Before(a.End.Add(-30*time.Second)) {
		w.t.Errorf("it ends at %v, and the last reading is %q", a.End, r.Stdout)
	}
	if r := w.fromOutside(login + "-t sensor/live -C 1 -W 10"); !strings.Contains(strings.ToLower(r.Stderr), "not authorised") {
		w.t.Errorf("after the end: %+v", r)
	}
	if now := w.must("date +%s"); now < fmt.Sprint(a.End.Unix()) {
		w.t.Errorf("it ended before its time: %s, %v", now, a.End)
	}
	grants := w.grants()
	if last := grants[len(grants)-1]; last.Username != "mary" || last.State != "ended" {
		w.t.Errorf("the grant is %+v", last)
	}
}
