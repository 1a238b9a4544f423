package daemon

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/devices"
)

// healthy is a keeper at level live, no longer new, with the gate open and one plug that talks.
func healthy() *stateKeeper {
	k := newStateKeeper()
	k.begun = k.begun.Add(-findTime)
	k.begun = k.begun.Add(-time.Minute) // long past the time it takes to find plugs
	k.setLevel(config.Live)
	k.gate(true, "")
	k.setPlugs([]devices.Sample{{Known: true}})
	return k
}

func TestItBeginsWithheld(t *testing.T) {
	c := newStateKeeper().get()
	if c.state != control.StateWithheld || c.reason() == nil || *c.reason() != "starting" || len(c.sentences()) != 1 || c.since.IsZero() {
		t.Errorf("%+v", c)
	}
}

func TestJudgement(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(k *stateKeeper)
		state  string
		codes  string
	}{
		"all well":                {func(*stateKeeper) {}, control.StateServing, ""},
		"private is no trouble":   {func(k *stateKeeper) { k.setLevel(config.Private) }, control.StatePrivate, ""},
		"gate closed":             {func(k *stateKeeper) { k.gate(false, "the broker is gone") }, control.StateWithheld, "gate"},
		"gate closed, private":    {func(k *stateKeeper) { k.gate(false, "x"); k.setLevel(config.Private) }, control.StateWithheld, "gate"},
		"no plug":                 {func(k *stateKeeper) { k.setPlugs(nil) }, control.StateDegraded, "plugs"},
		"ledger lost":             {func(k *stateKeeper) { k.report("ledger", problem{"ledger", "lost"}) }, control.StateDegraded, "ledger"},
		"private with a problem":  {func(k *stateKeeper) { k.setLevel(config.Private); k.setPlugs(nil) }, control.StatePrivate, "plugs"},
		"the gate comes first":    {func(k *stateKeeper) { k.report("a", problem{"a", ""}); k.gate(false, "x"); k.setPlugs(nil) }, control.StateWithheld, "gate plugs a"},
		"always in one order":     {func(k *stateKeeper) { k.report("web", problem{"w", ""}); k.report("ledger", problem{"l", ""}) }, control.StateDegraded, "l w"},
		"what is over is over":    {func(k *stateKeeper) { k.report("a", problem{"a", ""}); k.clear("a") }, control.StateServing, ""},
		"the last word counts":    {func(k *stateKeeper) { k.report("a", problem{"a", ""}); k.report("a", problem{"b", ""}) }, control.StateDegraded, "b"},
		"a plug that just missed": {func(k *stateKeeper) { k.setPlugs([]devices.Sample{{Known: true}, {}}) }, control.StateServing, ""},
	} {
		k := healthy()
		tt.change(k)
		if !k.judge(time.Now()) {
			t.Errorf("%s: that is no change", name)
		}
		c := k.get()
		var codes []string
		for _, p := range c.problems {
			codes = append(codes, p.code)
		}
		if c.state != tt.state || strings.Join(codes, " ") != tt.codes {
			t.Errorf("%s: %s %q, want %s %q", name, c.state, codes, tt.state, tt.codes)
		}
		if reason := c.reason(); (reason == nil) != (tt.codes == "") || reason != nil && *reason != codes[0] {
			t.Errorf("%s: reason %v", name, reason)
		}
		if len(c.sentences()) != len(codes) {
			t.Errorf("%s: %q", name, c.sentences())
		}
	}
}

func TestOnlyChangesAreNews(t *testing.T) {
	k := healthy()
	start := time.Now()
	k.judge(start)
	if k.judge(start.Add(time.Second)) {
		t.Error("the same again is news")
	}
	if !k.report("ledger", problem{"ledger", "lost"}) || k.report("ledger", problem{"ledger", "lost"}) {
		t.Error("a problem is news once")
	}
	if got := k.textOf("ledger"); got != "lost" {
		t.Errorf("%q", got)
	}
	if !k.judge(start.Add(2*time.Second)) || k.judge(start.Add(3*time.Second)) {
		t.Error("the new state is news once")
	}
	if got := k.get().since; !got.Equal(start.Add(2 * time.Second)) {
		t.Errorf("degraded since %v, want when it was seen", got)
	}
	// Another problem changes what is said, not since when.
	k.report("web", problem{"listener", "off"})
	if !k.judge(start.Add(4*time.Second)) || !k.get().since.Equal(start.Add(2*time.Second)) {
		t.Errorf("since %v: the state is the same", k.get().since)
	}
	k.clear("web")
	if !k.clear("ledger") || k.clear("ledger") || k.textOf("ledger") != "" {
		t.Error("an end is news once")
	}
	if !k.judge(start.Add(5*time.Second)) || k.get().state != control.StateServing || !k.get().since.Equal(start.Add(5*time.Second)) {
		t.Errorf("%+v", k.get())
	}
}

// Plugs miss a beat now and then; subscribers see that in the numbers, the state does not flicker.
func TestShortSilenceIsTolerated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := healthy()
		state := func(samples ...devices.Sample) string {
			k.setPlugs(samples)
			k.judge(time.Now())
			return k.get().state
		}
		heard, silent := devices.Sample{Known: true}, devices.Sample{}
		for range 20 { // every other slot, for ever
			if got := state(heard, silent); got != control.StateServing {
				t.Fatalf("a missed beat: %s", got)
			}
			time.Sleep(shortTolerated - time.Millisecond)
			if got := state(heard, heard); got != control.StateServing {
				t.Fatalf("back in time: %s", got)
			}
		}
		state(heard, silent)
		time.Sleep(shortTolerated)
		if got := state(heard, silent); got != control.StateDegraded {
			t.Errorf("after %v: %s", shortTolerated, got)
		}
		if got := k.plugs(); got != (control.PlugCount{Current: 1, Expected: 2}) {
			t.Errorf("%+v", got)
		}
		if got := state(heard, heard); got != control.StateServing {
			t.Errorf("back: %s", got)
		}
	})
}

func TestSearchHasItsTime(t *testing.T) {
	k := newStateKeeper()
	k.gate(true, "")
	if k.judge(k.begun.Add(findTime - 1)); k.get().state != control.StateServing {
		t.Errorf("while it still searches: %+v", k.get())
	}
	if k.judge(k.begun.Add(findTime)); k.get().state != control.StateDegraded {
		t.Errorf("after a search in vain: %+v", k.get())
	}
}

// Strangers read the retained status: it may say what kind of trouble there is and nothing of the house.
func TestStatusTellsStrangersOneWord(t *testing.T) {
	g := &Gateway{o: Options{Version: "0.1.0"}}
	k := healthy()
	k.judge(at("2026-11-22T08:00:00+01:00"))
	if got, want := string(encode(g.statusMessage(k.get()))), `{"v":1,"state":"serving","reason":null,"since":"2026-11-22T07:00:00.000Z","version":"0.1.0"}`; got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
	k.report("web.listen", problem{"listener", "web.listen 192.0.2.7:8080 is off"})
	k.judge(time.Now())
	got := string(encode(g.statusMessage(k.get())))
	if !strings.Contains(got, `"state":"degraded","reason":"listener"`) || strings.Contains(got, "192.0.2.7") {
		t.Errorf("%s", got)
	}
}
