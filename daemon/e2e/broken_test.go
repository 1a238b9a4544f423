//go:build linux

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// A broker that cannot read its files lets everybody in. These tests do to it what logrotate, an owner's editor and a
// bad disk do.

func TestStraySignalsToTheBrokerHarmNobody(t *testing.T) {
	t.Parallel()
	g := start(t)
	a := newBuyer(t).buy(g)
	reader := g.connect(a.login(), "sensor/live")
	stranger := g.subscribe(anonymous, "#", "sensor/live")
	for range 6 {
		if err := g.SignalBroker(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		pass(t, 300*time.Millisecond)
	}
	if _, err := reader.Await(t.Context(), 5*time.Second, 5, "sensor/live"); err != nil {
		t.Fatal(err)
	}
	withoutGaps(t, readStream(t, reader.Messages("sensor/live")))
	if got := stranger.Messages("sensor/live"); len(got) > 0 {
		t.Errorf("a stranger got %v", got)
	}
}

func TestBrokenRightsGiveStrangersNothingAndAreMended(t *testing.T) {
	t.Parallel()
	g := start(t)
	a := newBuyer(t).buy(g)
	reader := g.subscribe(a.login(), "sensor/live")
	stranger := g.subscribe(anonymous, "#", "sensor/live", "sensor/live/w", "sensor/plug/#")
	for _, file := range []string{"acl", "passwd"} {
		_, broker := g.Children()
		path := filepath.Join(g.State, "mosquitto", file)
		var err error
		if file == "acl" {
			err = os.WriteFile(path, []byte("nonsense\n"), 0o600)
		} else {
			err = os.Remove(path)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := readAgain(broker); err != nil {
			t.Fatal(err)
		}
		seen := len(reader.Messages("sensor/live"))
		eventually(t, 20*time.Second, func() error {
			st := g.status()
			data, err := os.ReadFile(path)
			if st.State != "serving" || !st.Broker.Proven || err != nil || strings.HasPrefix(string(data), "nonsense") {
				return errors.New("a broken " + file + " is not mended: " + st.State + ": " + strings.Join(st.Reasons, "; "))
			}
			return nil
		})
		if c, err := wattgatetest.Connect(g.MQTT, wattgatetest.Login{Name: a.Username, Password: "wrong-" + a.Password}); err == nil {
			c.Close()
			t.Errorf("after a broken %s any password is good", file)
		}
		if _, err := reader.Await(t.Context(), 15*time.Second, seen+2, "sensor/live"); err != nil {
			t.Errorf("after a broken %s the buyer is not served: %v", file, err)
		}
	}
	if grants := g.grants(); len(grants) != 1 || grants[0].WithheldS < 0.5 {
		t.Errorf("%+v, want the time recorded in which the buyer was not served", grants)
	}
	// A Mosquitto of 2.1 exits by itself on a file it cannot read.
	if !g.Log.Contains("does not obey") && !g.Log.Contains("process ended") {
		t.Error("the log does not say that the rights were broken")
	}
	for _, m := range stranger.Messages() {
		if strings.Contains(m.Topic, "/live") {
			t.Errorf("a stranger got %s: %s", m.Topic, m.Payload)
		}
	}
}

// readAgain has the broker read its files, unless the gateway was quicker and has ended it.
func readAgain(broker int) error {
	err := syscall.Kill(broker, syscall.SIGHUP)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
