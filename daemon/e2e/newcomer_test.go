//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// forAll are the topics that anybody may read at level live.
var forAll = []string{"sensor/1m", "sensor/1m/w", "wattgate/availability", "wattgate/status", "wattgate/offer", "$canary/free"}

func TestNewcomerSeesAnAverageAtOnceAndThatItIsSimulated(t *testing.T) {
	t.Parallel()
	// An hour between averages, so that the made-up past is still the newest there is.
	g := start(t, "--average-every", "1h")
	asked := time.Now()
	s := g.subscribe(anonymous, "sensor/1m", "sensor/1m/w")
	got, err := s.Await(t.Context(), time.Second+measuringSlack, 1, "sensor/1m")
	if err != nil {
		t.Fatal(err)
	}
	if !got[0].Retained {
		t.Errorf("the first average must be there at once, retained: %+v", got[0])
	}
	var m minute
	strictly(t, got[0].Payload, &m)
	if end := stamp(t, m.TS); asked.Sub(end) > 2*time.Minute || end.After(asked) {
		t.Errorf("the average ends at %s, it is %s now", end, asked)
	}
	if !m.Simulated || m.WindowS == nil || *m.WindowS != 60 || m.PowerW == nil || m.Coverage == nil {
		t.Errorf("the first average must say that it is simulated, and be complete: %s", got[0].Payload)
	}
	var hour []minute
	code, body := g.get("/api/v1/average")
	if err := json.Unmarshal([]byte(body), &hour); err != nil || code != 200 || len(hour) != 60 {
		t.Fatalf("the demo must come with an hour of averages: code %d, %d of them, %v", code, len(hour), err)
	}
	for _, m := range hour {
		if !m.Simulated || m.PowerW == nil {
			t.Fatalf("every average from before the start must be marked as simulated: %s", body)
		}
	}
}

func TestAverageOfTheRealRunIsNotMarkedAsSimulated(t *testing.T) {
	t.Parallel()
	g := start(t, "--average-every", "1s")
	s := g.subscribe(anonymous, "sensor/1m")
	got, err := s.Await(t.Context(), 5*time.Second, 3, "sensor/1m")
	if err != nil {
		t.Fatal(err)
	}
	var m minute
	strictly(t, got[2].Payload, &m)
	stamp(t, m.TS)
	if m.Simulated || m.WindowS == nil || *m.WindowS != 60 || m.Coverage == nil || *m.Coverage <= 0 || *m.Coverage > 1 {
		t.Errorf("not the average of a real run: %s", got[2].Payload)
	}
	if (*m.Coverage < 0.5) != (m.PowerW == nil) {
		t.Errorf("the power must be null below half coverage, and only there: %s", got[2].Payload)
	}
}

func TestStrangersNeverGetOneByteOfTheLiveTopics(t *testing.T) {
	t.Parallel()
	g := start(t, "--average-every", "1s")
	filters := []string{
		"sensor/live", "sensor/live/w", "#", "+/live", "sensor/#", "sensor/+/#", "sensor/plug/#",
		"$share/x/sensor/live", "$share/x/#", "$canary/#", "wattgate/#", "$SYS/#",
	}
	strangers := map[string]*wattgatetest.Subscriber{}
	for _, f := range filters {
		strangers[f] = g.subscribe(anonymous, f)
	}
	// Without somebody who gets them the silence would prove nothing.
	jane := g.subscribe(g.addOwner("jane"), "sensor/live", "sensor/live/w")
	if _, err := jane.Await(t.Context(), 10*time.Second, 8, "sensor/live"); err != nil {
		t.Fatal(err)
	}
	if len(jane.Messages("sensor/live/w")) == 0 {
		t.Error("nothing came on sensor/live/w")
	}
	for f, s := range strangers {
		for _, m := range s.Messages() {
			if !slices.Contains(forAll, m.Topic) || strings.Contains(m.Payload, `"seq"`) {
				t.Errorf("a stranger who subscribed to %s got %s: %s", f, m.Topic, m.Payload)
			}
		}
	}
	if len(strangers["#"].Messages("sensor/1m")) == 0 {
		t.Error("a stranger who subscribed to # must get the average")
	}
}

func TestWhatIsRetainedTellsANewcomerEverything(t *testing.T) {
	t.Parallel()
	g := start(t)
	s := g.subscribe(anonymous, "#")
	for _, topic := range []string{"wattgate/availability", "wattgate/status", "wattgate/offer", "sensor/1m"} {
		got, err := s.Await(t.Context(), 2*time.Second, 1, topic)
		if err != nil {
			t.Fatal(err)
		}
		if !got[0].Retained {
			t.Errorf("%s must be retained", topic)
		}
	}
	if got := s.Messages("wattgate/availability")[0].Payload; got != "online" {
		t.Errorf("availability is %q", got)
	}
	var st struct {
		V       int     `json:"v"`
		State   string  `json:"state"`
		Reason  *string `json:"reason"`
		Since   *string `json:"since"`
		Version string  `json:"version"`
	}
	strictly(t, s.Messages("wattgate/status")[0].Payload, &st)
	stamp(t, st.Since)
	if st.V != 1 || st.State != "serving" || st.Reason != nil || st.Version == "" {
		t.Errorf("status is %s", s.Messages("wattgate/status")[0].Payload)
	}
}

// TestDemoNamesCommandsThatWork types what the demo prints, word for word.
func TestDemoNamesCommandsThatWork(t *testing.T) {
	t.Parallel()
	d, err := wattgatetest.LaunchDemo(built.plain, stateDir(t), "--json=false", "--period", "2s",
		"--mqtt-port", "0", "--tls-port", "0", "--web-port", "0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	says(t, d.Out, 30*time.Second, "Ctrl-C ends it all")
	if first := d.Out.Lines()[0].Text; first != "ready" {
		t.Errorf("the first line is %q", first)
	}
	for _, c := range []struct {
		name    string
		more    string // what a test adds, so that the command ends
		code    int
		expects string
	}{
		{"the free average:", " -C 1 -W 10", 0, "sensor/1m {"},
		{"buy an hour and watch:", "", 5, `"seq":`},
		{"how it is doing:", "", 0, "is serving"},
	} {
		_, command, found := strings.Cut(d.Out.String(), c.name)
		if !found {
			t.Errorf("%q is not printed:\n%s", c.name, d.Out)
			continue
		}
		command, _, _ = strings.Cut(command, "\n")
		sh := exec.CommandContext(t.Context(), "sh", "-c", command+c.more)
		sh.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir())
		out, _ := sh.CombinedOutput()
		if sh.ProcessState.ExitCode() != c.code || !strings.Contains(string(out), c.expects) {
			t.Errorf("%s\nended with %d:\n%s", command, sh.ProcessState.ExitCode(), out)
		}
	}
}
