//go:build linux

package accept

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/snap/local/vm"
)

// reader is an owner's user who reads the live stream all the time, each line with the time it arrived.
func (w *world) reader(name, password string) {
	w.t.Helper()
	line := fmt.Sprintf("exec ip netns exec plugs mosquitto_sub -h %s -u %s -P %s -t sensor/live -F %%U", vm.HomeAddress, name, password)
	if err := w.g.Background(w.ctx, "reader", vm.Root, line); err != nil {
		w.t.Fatal(err)
	}
	w.eventually(time.Minute, func() error {
		if out, _, err := w.g.Printed(w.ctx, "reader"); err != nil || len(strings.Fields(out)) < 3 {
			return fmt.Errorf("the reader has %q, %v", out, err)
		}
		return nil
	})
}

// longestGap ends the reader and returns the longest time in which nothing came.
func (w *world) longestGap() time.Duration {
	w.t.Helper()
	out, _, err := w.g.Printed(w.ctx, "reader")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.g.End(w.ctx, "reader"); err != nil {
		w.t.Fatal(err)
	}
	var last, longest float64
	for field := range strings.FieldsSeq(out) {
		at, err := strconv.ParseFloat(field, 64)
		if err != nil {
			w.t.Fatalf("the reader printed %q", field)
		}
		if last > 0 {
			longest = max(longest, at-last)
		}
		last = at
	}
	return time.Duration(longest * float64(time.Second))
}

// refresh: to the next revision, with a reader connected and a grant running. The grant holds, the gap is measured.
func refresh(w *world) {
	w.must("snap set wattgate price.period=1h")
	w.serves("serving")
	bought := w.buy("nora")
	w.reader("house", w.addUser("house"))
	settings := w.must("snap get -d wattgate")
	gateway := w.status().Gateway
	took, err := w.g.Install(w.ctx, w.snaps[second])
	if err != nil {
		w.t.Fatal(err)
	}
	st := w.serves("serving")
	if st.Version != second || st.Gateway != gateway {
		w.t.Errorf("after the refresh: %+v", st)
	}
	w.eventually(time.Minute, func() error { // the reader comes back by itself
		r := w.fromOutside(fmt.Sprintf("-u %s -P %s -t sensor/live -C 2 -W 10", bought.Username, bought.Password))
		if strings.Count(r.Stdout, "power_w") != 2 {
			return fmt.Errorf("who paid reads %q %s", r.Stdout, r.Stderr)
		}
		return nil
	})
	fmt.Printf("accept: refreshed in %.0f s; longest gap of a connected reader %.1f s\n", took.Seconds(), w.longestGap().Seconds())
	w.holds(bought)
	if now := w.must("snap get -d wattgate"); now != settings {
		w.t.Errorf("the settings became %s", now)
	}
	w.confined()
}

// holds fails the test unless a grant is what its buyer was told.
func (w *world) holds(a access) {
	w.t.Helper()
	var found []control.Grant
	for _, g := range w.grants() {
		if g.Username == a.Username {
			found = append(found, g)
		}
	}
	if len(found) != 1 || found[0].State != "active" || found[0].End == nil || !found[0].End.Equal(a.End) {
		w.t.Errorf("the grant of %+v became %+v", a, found)
	}
	paid := 0
	for _, p := range w.payments() {
		if p.Order == a.Order {
			paid++
		}
	}
	if paid != 1 {
		w.t.Errorf("%d payments for one order", paid)
	}
}

func (w *world) nora() access {
	w.t.Helper()
	for _, g := range w.grants() {
		if g.Username == "nora" {
			for _, p := range w.payments() {
				if p.At.After(g.Start.Add(-time.Minute)) && p.Order != "" {
					return access{Order: p.Order, Username: g.Username, End: *g.End}
				}
			}
		}
	}
	w.t.Fatal("nora has no grant")
	return access{}
}

// failingRefresh: a revision that cannot start is taken back wholly by snapd, and the one before serves.
func failingRefresh(w *world) {
	before := w.nora()
	_, r, err := w.g.TryInstall(w.ctx, w.snaps[failing])
	if err != nil {
		w.t.Fatal(err)
	}
	if r.Code == 0 || !strings.Contains(r.Stderr, "this release cannot start") {
		w.t.Errorf("the refresh ended with %d: %s", r.Code, r.Stderr)
	}
	w.active()
	if st := w.serves("serving"); st.Version != second {
		w.t.Errorf("version %s serves", st.Version)
	}
	w.holds(before)
}

// revert: one step back, with the books of the newer version.
func revert(w *world) {
	before := w.nora()
	w.must("snap revert wattgate")
	w.active()
	if st := w.serves("serving"); st.Version != first {
		w.t.Errorf("version %s serves", st.Version)
	}
	w.holds(before)
}
