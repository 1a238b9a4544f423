//go:build linux

package e2e

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// booksAt makes a state directory with a running grant whose books have seen a time that lies by so much beside the clock
// of this machine. The machine's own clock cannot be set in a test; what the gateway compares it with can.
func booksAt(t *testing.T, offset time.Duration) (state string) {
	t.Helper()
	state = stateDir(t)
	g := startIn(t, built.plain, state, "--period", "1h")
	newBuyer(t).buy(g)
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(state, "wattgate.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		// The trigger that keeps time from falling is what this test steps around; a new one is put back.
		`DROP TRIGGER clock_rises`,
		`UPDATE clock SET highest_ms = highest_ms + ?1`,
		`CREATE TRIGGER clock_rises BEFORE UPDATE ON clock WHEN NEW.highest_ms < OLD.highest_ms
			BEGIN SELECT RAISE(ABORT, 'time never runs backwards'); END`,
		`UPDATE grants SET start_ms = start_ms + ?1, end_ms = end_ms + ?1`,
	} {
		if _, err := db.ExecContext(t.Context(), statement, offset.Milliseconds()); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return state
}

// A machine without a battery behind its clock comes up in the past: what was paid goes on from where it was.
func TestBooksAheadOfTheClockGoOnFromTheirOwnTime(t *testing.T) {
	t.Parallel()
	const ahead = 3 * time.Hour
	g := startIn(t, built.plain, booksAt(t, ahead))
	st := g.status()
	if off := time.Until(st.Clock.Now) - ahead; !st.Clock.Trusted || off.Abs() > time.Minute {
		t.Errorf("clock %+v, want trusted and about %v ahead of this machine's", st.Clock, ahead)
	}
	grants := g.grants()
	if len(grants) != 1 || grants[0].State != "active" || grants[0].End == nil {
		t.Fatalf("%+v, want the grant active", grants)
	}
	if left := grants[0].End.Sub(st.Clock.Now); left < 58*time.Minute || left > time.Hour {
		t.Errorf("%v are left of the hour", left)
	}
	reader := g.connect(g.addOwner("jane"), "sensor/live")
	if _, err := reader.Await(t.Context(), 5*time.Second, 4, "sensor/live"); err != nil {
		t.Error(err)
	}
	if a := newBuyer(t).buy(g); a.End.Sub(a.Start) != time.Hour || a.Start.Before(st.Clock.Now) {
		t.Errorf("an hour bought now: from %v to %v, the gateway's time is %v", a.Start, a.End, st.Clock.Now)
	}
}

// Books that are far behind are those of a gateway that was switched off, or of a clock that jumped. The ledger's time
// confirms which it is; the grant of that time is over.
func TestBooksFarBehindTheClockFollowItOnceTheLedgerConfirms(t *testing.T) {
	t.Parallel()
	g := startIn(t, built.plain, booksAt(t, -72*time.Hour))
	st := g.status()
	if off := time.Until(st.Clock.Now); !st.Clock.Trusted || off.Abs() > time.Minute {
		t.Errorf("clock %+v, want trusted and this machine's", st.Clock)
	}
	eventually(t, 5*time.Second, func() error { // the books are told of withheld time a moment later
		grants := g.grants()
		return expect(len(grants) == 1 && grants[0].State == "ended" && grants[0].WithheldS >= 3500,
			fmt.Sprintf("%+v, want the grant ended, and its hour recorded as withheld", grants))
	})
	if a := newBuyer(t).buy(g); time.Until(a.End) < 59*time.Minute {
		t.Errorf("an hour bought now ends at %v", a.End)
	}
}
