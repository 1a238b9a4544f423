//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// The gateway is killed between any two steps of a sale, of a renewal and of an end. The steps are those that an
// undisturbed one passes, so a new step is tested as soon as it exists.

func TestGatewayKilledAtAnyStepOfASaleSellsOnce(t *testing.T) {
	t.Parallel()
	c := startCrashing(t)
	steps := c.steps(func() { newBuyer(t).buy(c.gateway) })
	needSteps(t, steps, "payment stored", "grant stored", "cursor stored", "staged", "passwd replaced", "signalled", "proven")
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			c := c.in(t)
			payments, grants := len(c.payments()), len(c.grants())
			c.arm(step)
			a := c.buyAcross(newBuyer(t))
			c.died(step)
			if p := c.payments()[payments:]; len(p) != 1 || p[0].Order != a.Order {
				t.Errorf("one sale became these payments: %+v", p)
			}
			if n := len(c.grants()) - grants; n != 1 {
				t.Errorf("one sale became %d grants", n)
			}
			c.checkGrant(a, time.Hour)
		})
	}
}

func TestGatewayKilledAtAnyStepOfARenewalExtendsOnce(t *testing.T) {
	t.Parallel()
	c := startCrashing(t)
	b := newBuyer(t)
	a := b.buy(c.gateway)
	periods := 1
	steps := c.steps(func() {
		a = b.buy(c.gateway)
		periods++
	})
	needSteps(t, steps, "payment stored", "cursor stored")
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			c := c.in(t)
			c.arm(step)
			was := a
			b.t = t
			a = c.buyAcross(b)
			periods++
			c.died(step)
			if a.Username != was.Username || a.Password != was.Password || !a.End.Equal(was.End.Add(time.Hour)) {
				t.Errorf("the renewal moved the end from %s to %s, and %s became %s", was.End, a.End, was.Username, a.Username)
			}
			if p := c.payments(); len(p) != periods || len(c.grants()) != 1 {
				t.Errorf("%d periods became %d payments and %d grants", periods, len(p), len(c.grants()))
			}
			c.checkGrant(a, time.Duration(periods)*time.Hour)
		})
	}
}

func TestGatewayKilledAtAnyStepOfAnEndDoesNotProlongIt(t *testing.T) {
	t.Parallel()
	c := startCrashing(t, "--period", "2s")
	steps := c.steps(func() {
		until(t, newBuyer(t).buy(c.gateway).End.Add(promisedEnd))
	})
	needSteps(t, steps, "staged", "passwd replaced", "signalled", "proven")
	for _, step := range []string{"staged", "acl replaced", "passwd replaced", "durable", "signalled", "probe in", "proven"} {
		t.Run(step, func(t *testing.T) {
			c := c.in(t)
			a := newBuyer(t).buy(c.gateway)
			reader := c.connect(a.login(), "sensor/live")
			c.arm(step)
			c.died(step)
			if c, err := wattgatetest.Connect(c.MQTT, a.login()); err == nil {
				c.Close()
				t.Error("the password works although the access is over and the gateway serves")
			}
			select {
			case <-reader.Lost():
				t.Logf("the connection ended %s after its time", reader.LostAt().Sub(a.End))
			case <-time.After(promisedEnd):
				t.Error("the connection stands although the access is over")
			}
			// Between the end and the next start of the gateway nobody publishes.
			for _, l := range readStream(t, reader.Messages("sensor/live")) {
				if l.at.After(a.End.Add(promisedEnd)) {
					t.Errorf("a reading of %s came to a grant that ended at %s", l.at, a.End)
				}
			}
		})
	}
}

// crashing is a demo whose gateway dies where it is told to.
type crashing struct {
	*gateway
	dir string
}

func startCrashing(t *testing.T, args ...string) *crashing {
	t.Helper()
	dir := t.TempDir()
	p := built.crashing.With("WATTGATE_CRASH_DIR=" + dir)
	return &crashing{startIn(t, p, stateDir(t), args...), dir}
}

// in is the same demo for a part of the test.
func (c *crashing) in(t *testing.T) *crashing {
	return &crashing{&gateway{c.Demo, t}, c.dir}
}

// steps lists every step that is passed while do runs, once.
func (c *crashing) steps(do func()) []string {
	c.t.Helper()
	file := filepath.Join(c.dir, "steps")
	if err := os.Truncate(file, 0); err != nil {
		c.t.Fatal(err)
	}
	do()
	data, err := os.ReadFile(file)
	if err != nil {
		c.t.Fatal(err)
	}
	steps := strings.Split(strings.TrimSpace(string(data)), "\n")
	slices.Sort(steps)
	steps = slices.Compact(steps)
	c.t.Logf("the steps: %q", steps)
	return steps
}

// needSteps fails when steps that are known to matter are not wired up: there would be nothing to die at.
func needSteps(t *testing.T, steps []string, needed ...string) {
	t.Helper()
	for _, n := range needed {
		if !slices.Contains(steps, n) {
			t.Errorf("the step %q was not passed", n)
		}
	}
}

func (c *crashing) at() string { return filepath.Join(c.dir, "at") }

// arm has the gateway die the next time it passes a step.
func (c *crashing) arm(step string) {
	c.t.Helper()
	if err := os.WriteFile(c.at()+".new", []byte(step), 0o600); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(c.at()+".new", c.at()); err != nil {
		c.t.Fatal(err)
	}
}

// buyAcross buys while the gateway dies. A buy that lost its gateway is run again, as it says.
func (c *crashing) buyAcross(b buyer) access {
	c.t.Helper()
	var a access
	eventually(c.t, 30*time.Second, func() (err error) {
		a, err = b.tryBuy(c.t.Context(), c.gateway)
		return err
	})
	return a
}

// died waits until the gateway has died at the step it was told, and serves again.
func (c *crashing) died(step string) {
	c.t.Helper()
	eventually(c.t, 10*time.Second, func() error {
		_, err := os.Stat(c.at())
		return expect(errors.Is(err, os.ErrNotExist), "the gateway did not die at "+step)
	})
	eventually(c.t, 20*time.Second, func() error {
		var st control.Status
		if err := c.Read(c.t.Context(), &st, "status"); err != nil {
			return err
		}
		return expect(st.State == "serving" && st.Broker.Proven, fmt.Sprintf("not serving: %+v", st))
	})
}

// checkGrant checks that a buyer has exactly what he was told, and is served.
func (c *crashing) checkGrant(a access, paid time.Duration) {
	c.t.Helper()
	grants := c.grants()
	mine := grants[len(grants)-1]
	if mine.Username != a.Username || mine.State != "active" || mine.End == nil || mine.Start == nil {
		c.t.Fatalf("the grant is %+v, the buyer was told %+v", mine, a)
	}
	if worth := mine.End.Sub(*mine.Start); worth != paid || !mine.End.Equal(a.End) {
		c.t.Errorf("the grant lasts %s and ends at %s; paid was %s, told was %s", worth, mine.End, paid, a.End)
	}
	reader := c.connect(a.login(), "sensor/live")
	if _, err := reader.Await(c.t.Context(), 10*time.Second, 2, "sensor/live"); err != nil {
		c.t.Errorf("the buyer is not served: %v", err)
	}
	reader.Close()
}
