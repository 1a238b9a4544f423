//go:build linux

package accept

import (
	"fmt"
	"strings"
	"time"

	"github.com/wattgate/wattgate/snap/local/vm"
)

// set runs `snap set` and returns what the owner sees.
func (w *world) set(words string) vm.Result {
	w.t.Helper()
	return w.as(vm.Root, "snap set wattgate "+words)
}

// settings: refused with key, value and remedy, taken together or not at all, and interrupting only what they must.
func settings(w *world) {
	w.must("snap set wattgate price.amount=0.0005 log.level=info")
	for words, want := range map[string][]string{
		"price.amount=free":                                  {"price.amount", "free", "0.0005"},
		"price.amount=5e-4":                                  {"price.amount", "exponent"},
		"publish.level=average price.period=1s":              {"price.period", "1m"},
		"prize.amount=1":                                     {"prize", "price"},
		"publish.levle=average":                              {"publish.levle", "publish.level"},
		"broker.listen=70000":                                {"broker.listen", "IP:port"},
		"publish.level=live":                                 {"ledger.network"},
		`plugs.allow='["has blanks in it"]'`:                 {"plugs.allow"},
		"ledger.network=stardust":                            {"ledger.node", "ledger.address"},
		"price.amount=0.0000001 ledger.network=sandbox":      {"price.amount"},
		"broker.listen=0.0.0.0:8080 web.listen=0.0.0.0:8080": {"8080"},
	} {
		before := w.must("snap get -d wattgate")
		r := w.set(words)
		if err := expectIn(r.Stderr, want...); err != nil || r.Code == 0 {
			w.t.Errorf("snap set %s, exit %d: %v", words, r.Code, err)
		}
		if after := w.must("snap get -d wattgate"); after != before {
			w.t.Errorf("snap set %s was refused and changed the settings to %s", words, after)
		}
	}
	// Literals of every kind, several keys at once; nobody is restarted.
	pids := w.pids()
	if r := w.set(`price.amount=0.00050 price.min-periods=2 plugs.events=false plugs.addresses='["192.0.2.1","192.0.2.2:49153"]' plugs.allow=` + plugSerial + `,221517K0000009`); r.Code != 0 {
		w.t.Errorf("%+v", r)
	}
	document := w.must("snap get -d wattgate")
	if err := expectIn(document, `"amount": 0.00050`, `"min-periods": 2`, `"events": false`, "192.0.2.2:49153"); err != nil {
		w.t.Error(err)
	}
	if now := w.pids(); now != pids {
		w.t.Errorf("price and plugs restarted something: %s, then %s", pids, now)
	}
	// An address restarts the broker alone.
	w.must("snap set wattgate broker.listen=0.0.0.0:1899")
	w.eventually(time.Minute, func() error {
		if out := w.must("ss -Hltn 'sport = 1899'"); out == "" {
			return fmt.Errorf("nobody listens on the new port")
		}
		return nil
	})
	w.serves("private")
	if now := w.pids(); strings.Fields(now)[0] != strings.Fields(pids)[0] || now == pids {
		w.t.Errorf("want another broker beside the same daemon: %s, then %s", pids, now)
	}
	w.must("snap unset wattgate broker.listen plugs price log publish")
	w.eventually(time.Minute, func() error {
		if out := w.must("ss -Hltn 'sport = 1883'"); out == "" {
			return fmt.Errorf("unset did not bring the default port back")
		}
		return nil
	})
	w.serves("private")
}

// pids are the daemon's and the broker's.
func (w *world) pids() string {
	return w.must("echo $(systemctl show -P MainPID snap.wattgate.daemon) $(systemctl show -P MainPID snap.wattgate.mosquitto)")
}
