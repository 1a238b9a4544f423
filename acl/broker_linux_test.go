package acl_test

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/acl/acltest"
)

func TestBrokerObeysPolicy(t *testing.T) {
	b := open(t, nil)
	bob, bobPass := account(t, "bob")
	jane, janePass := account(t, "jane", "sensor/plug/+/live")
	b.apply(policy(bob, jane))

	all := []string{"#", "$canary/#", "sensor/live", "+/live", "sensor/#", "wattgate/grants/bob"}
	readers := map[string]*acltest.Client{
		"anonymous": b.Reader(t, "", "", "anon-client-1", append(all, "$share/x/sensor/live")...),
		"bob":       b.Reader(t, "bob", bobPass, "bobs-client", all...),
		"jane":      b.Reader(t, "jane", janePass, "janes-client", all...),
	}
	pub := b.publisher()
	pub.Subscribe(t, "wattgate/orders")
	may := map[string]string{ // topic: who receives it
		"sensor/1m":                      "anonymous bob jane",
		"wattgate/offer":                 "anonymous bob jane",
		"sensor/live":                    "bob jane",
		"sensor/live/w":                  "bob jane",
		acl.CanaryPaid:                   "bob jane",
		acl.CanaryFree:                   "anonymous bob jane",
		"sensor/plug/p1/live":            "jane",
		"sensor/other":                   "",
		"wattgate/replies/anon-client-1": "anonymous",
		"wattgate/replies/bobs-client":   "bob",
		"wattgate/grants/bob":            "bob",
		"wattgate/grants/jane":           "jane",
		"wattgate/orders":                "",
		"$canary/other":                  "",
	}
	for topic := range may {
		pub.Publish(t, topic, "from the gateway")
	}
	for name, c := range readers {
		pub.Publish(t, "sensor/1m", "last")
		acltest.Eventually(t, "the last message at "+name, 2*time.Second, func() bool { return c.Has("sensor/1m", "last") })
		for topic, who := range may {
			if got, want := c.Has(topic, "from the gateway"), strings.Contains(who, name); got != want {
				t.Errorf("%s received %s: %v, want %v", name, topic, got, want)
			}
		}
	}
	for name, c := range readers {
		for topic := range may {
			c.Publish(t, topic, "from "+name)
		}
	}
	acltest.Eventually(t, "an order", 2*time.Second, func() bool { return pub.Has("wattgate/orders", "from bob") })
	if _, err := b.Connect("bob", "wrong", ""); !errors.Is(err, acltest.ErrRefused) {
		t.Errorf("a wrong password: %v", err)
	}
	pub.Publish(t, "sensor/1m", "very last")
	for name, c := range readers {
		acltest.Eventually(t, "the very last message at "+name, 2*time.Second, func() bool { return c.Has("sensor/1m", "very last") })
		for _, m := range c.Received() {
			if strings.HasPrefix(m.Payload, "from ") && m.Payload != "from the gateway" {
				t.Errorf("%s received %q on %s, which only the gateway may write", name, m.Payload, m.Topic)
			}
		}
	}
}

func TestPrivateLevelShowsNothing(t *testing.T) {
	b := open(t, nil)
	owner, ownerPass := account(t, "owner", "sensor/#")
	b.apply(acl.Policy{Free: []string{"wattgate/status"}, Roots: []string{"sensor/#", "wattgate/#"}, Grants: []acl.Account{owner}})
	anon := b.Reader(t, "", "", "", "#", "sensor/live", "sensor/1m")
	owners := b.Reader(t, "owner", ownerPass, "", "#")
	pub := b.publisher()
	for _, topic := range []string{"sensor/live", "sensor/1m", "sensor/plug/p1/live", "wattgate/status"} {
		pub.Publish(t, topic, "x")
	}
	acltest.Eventually(t, "the status at both", 2*time.Second, func() bool {
		return anon.Has("wattgate/status", "x") && owners.Has("wattgate/status", "x")
	})
	if got := anon.Received(); len(got) != 1 {
		t.Errorf("the anonymous reader received %v", got)
	}
	if got := owners.Topics(); len(got) != 4 {
		t.Errorf("the owner received %v", got)
	}
	if v := b.check(); v.State != acl.Open {
		t.Errorf("Check: %+v", v)
	}
}

func TestRunLeavesNothingRunning(t *testing.T) {
	broker := acltest.Start(t)
	before := runtime.NumGoroutine()
	g := acl.New(acl.Config{Dir: broker.Dir, Log: slog.New(slog.DiscardHandler)})
	stop := run(t, g)
	b := &bench{broker, g, t}
	b.apply(policy())
	stop()
	acltest.Eventually(t, "the gate's goroutines to end", 2*time.Second, func() bool { return runtime.NumGoroutine() <= before })
	if v := b.check(); v.State == acl.Open {
		t.Error("open after Run has ended")
	}
}

func TestDenyAllBeforeFirstApply(t *testing.T) {
	b := open(t, nil)
	anon := b.Reader(t, "", "", "", "#", "sensor/live")
	writer := b.Reader(t, "", "", "")
	writer.Publish(t, "sensor/live", "x")
	writer.Publish(t, "wattgate/orders", "x")
	writer.Publish(t, acl.CanaryFree, "x")
	if _, err := b.Connect("bob", "any", ""); !errors.Is(err, acltest.ErrRefused) {
		t.Errorf("an unknown user before the first apply: %v", err)
	}
	if v := b.check(); v.State != acl.Unproven {
		t.Errorf("Check before the first apply: %v", v)
	}
	b.apply(policy())
	b.publisher().Publish(t, "sensor/1m", "now")
	acltest.Eventually(t, "the first free message", 2*time.Second, func() bool { return anon.Has("sensor/1m", "now") })
	if got := anon.Received(); len(got) != 1 {
		t.Errorf("the anonymous reader received %v", got)
	}
}

func TestRevokedGrantIsDisconnected(t *testing.T) {
	b := open(t, nil)
	bob, bobPass := account(t, "bob")
	eve, evePass := account(t, "eve")
	b.apply(policy(bob, eve))
	bobs := b.Reader(t, "bob", bobPass, "", "sensor/live")
	eves := b.Reader(t, "eve", evePass, "", "sensor/live")
	b.apply(policy(bob))
	select {
	case <-eves.Lost:
	case <-time.After(time.Second):
		t.Error("the revoked client is still connected after a second")
	}
	b.publisher().Publish(t, "sensor/live", "x")
	acltest.Eventually(t, "bob's message", 2*time.Second, func() bool { return bobs.Has("sensor/live", "x") })
	if _, err := b.Connect("eve", evePass, ""); !errors.Is(err, acltest.ErrRefused) {
		t.Errorf("the revoked account can log in: %v", err)
	}
}

func TestUnchangedPolicySendsNoSignal(t *testing.T) {
	b := open(t, nil)
	bob, _ := account(t, "bob")
	eve, _ := account(t, "eve")
	first := b.apply(policy(bob, eve))
	if again := b.apply(policy(eve, bob)); again != first {
		t.Errorf("the same policy again: %+v, first %+v", again, first)
	}
	if s := b.gate.Status(); s.Reloads != 1 || !s.Proven || s.BrokerPID != b.PID() || s.Generation != 1 {
		t.Errorf("status %+v", s)
	}
}

func TestCheckOpensAfterProof(t *testing.T) {
	b := open(t, nil)
	b.apply(policy())
	for range 20 {
		if v := b.check(); v.State != acl.Open {
			t.Fatalf("Check: %+v", v)
		}
	}
}

func TestRestartedDaemonTakesOver(t *testing.T) {
	broker := acltest.Start(t)
	b := attach(t, broker, nil)
	b.apply(policy())
	old, oldPass := b.gate.Publisher()
	b2 := attach(t, broker, nil)
	b2.apply(policy())
	if v := b2.check(); v.State != acl.Open {
		t.Errorf("Check of the new daemon: %+v", v)
	}
	if _, err := b2.Connect(old.Name, oldPass, ""); !errors.Is(err, acltest.ErrRefused) {
		t.Errorf("the old daemon's account still works: %v", err)
	}
	if v := b.check(); v.State == acl.Open {
		t.Error("the old daemon's gate is still open")
	}
}

func TestRestartedBrokerIsProvenAgain(t *testing.T) {
	b := open(t, nil)
	bob, bobPass := account(t, "bob")
	first := b.apply(policy(bob))
	b.Restart()
	acltest.Eventually(t, "the gate to notice", 3*time.Second, func() bool {
		v := b.check()
		if v.State == acl.Open {
			t.Fatal("open on a broker that was never proven")
		}
		return v.State == acl.Unproven
	})
	b.Reader(t, "bob", bobPass, "", "sensor/live") // the files on disk still hold
	second := b.apply(policy(bob))
	if second.BrokerPID == first.BrokerPID || second.BrokerPID != b.PID() {
		t.Errorf("proved %d, before %d, runs %d", second.BrokerPID, first.BrokerPID, b.PID())
	}
	if s := b.gate.Status(); s.Reloads != 1 || s.Generation != 1 {
		t.Errorf("a fresh broker needs no signal and no new files: %+v", s)
	}
	if v := b.check(); v.State != acl.Open {
		t.Errorf("Check: %+v", v)
	}
}

func TestBrokerKilledAtEachStepOfApply(t *testing.T) {
	for _, at := range []string{"rendered", "staged", "acl replaced", "passwd replaced", "durable", "signalled", "probe in"} {
		t.Run(at, func(t *testing.T) {
			var b *bench
			armed := false
			b = open(t, func(step string) {
				if armed && step == at {
					armed = false
					b.Signal(syscall.SIGKILL)
				}
			})
			b.apply(policy())
			bob, bobPass := account(t, "bob")
			armed = true
			proof := b.apply(policy(bob))
			if armed || proof.BrokerPID != b.PID() {
				t.Errorf("killed: %v, proved %d, runs %d", !armed, proof.BrokerPID, b.PID())
			}
			b.Reader(t, "bob", bobPass, "", "sensor/live")
		})
	}
}

// A daemon that dies at any step of an apply leaves files with which its
// successor comes up, whatever the broker has loaded of them.
func TestSuccessorOfDaemonThatDiedAtAnyStep(t *testing.T) {
	for _, at := range []string{"rendered", "staged", "acl replaced", "passwd replaced", "durable", "signalled", "probe in", "proven"} {
		t.Run(at, func(t *testing.T) {
			broker := acltest.Start(t)
			armed := false
			gate := acl.New(acl.Config{Dir: broker.Dir, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Step: func(step string) {
				if armed && step == at {
					runtime.Goexit()
				}
			}})
			stop := run(t, gate)
			b := &bench{broker, gate, t}
			bob, bobPass := account(t, "bob")
			b.apply(policy())
			armed = true
			died := make(chan struct{})
			go func() { defer close(died); _, _ = b.tryApply(policy(bob), 5*time.Second) }()
			<-died
			stop()
			b.Restart() // starts on whatever was left
			b.Reader(t, "", "", "", "#").Close()
			successor := attach(t, broker, nil)
			successor.apply(policy(bob))
			b.Reader(t, "bob", bobPass, "")
			if v := successor.check(); v.State != acl.Open {
				t.Errorf("Check: %+v", v)
			}
		})
	}
}

// Selling does not interrupt the stream: while accounts come, topics move
// between free and paid, and strangers signal the broker at any moment, no
// check may report a breach or a missing proof.
func TestCheckStaysOpenDuringApplies(t *testing.T) {
	b := open(t, nil)
	b.apply(policy())
	pub := b.publisher()
	done := make(chan struct{})
	var busy sync.WaitGroup
	busy.Go(func() { // logrotate gone mad
		for {
			select {
			case <-done:
				return
			case <-time.After(3 * time.Millisecond):
				b.Signal(syscall.SIGHUP)
			}
		}
	})
	busy.Go(func() { // the free topics go on
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				pub.PublishUnheard("sensor/1m", "x")
			}
		}
	})
	busy.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if v := b.check(); v.State != acl.Open && v.State != acl.Silent {
				t.Errorf("Check during applies: %+v", v)
				return
			}
		}
	})
	var grants []acl.Account
	for i := range 40 {
		a, _ := account(t, fmt.Sprintf("user-%d", i))
		grants = append(grants, a)
		p := policy(grants...)
		if i%2 == 0 {
			p.Free, p.Paid = p.Free[1:], append(p.Paid, p.Free[0])
		}
		b.apply(p)
	}
	close(done)
	busy.Wait()
}

func TestLostSignalIsRepeated(t *testing.T) {
	b := open(t, nil)
	b.apply(policy())
	b.gate.LoseSignals(1)
	bob, bobPass := account(t, "bob")
	proof := b.apply(policy(bob))
	b.Reader(t, "bob", bobPass, "")
	if s := b.gate.Status(); s.SignalsRepeated != 1 || s.Reloads != 3 {
		t.Errorf("one lost signal: %+v", s)
	}
	if proof.Took < 2*time.Second || proof.Took > 3*time.Second {
		t.Errorf("the signal was repeated after %v, want 2 s", proof.Took)
	}
}

func TestPasswordChosenByAPerson(t *testing.T) {
	b := open(t, nil)
	const password = "grüße: vom # balkon $7$ "
	e, err := acl.NewEntry(password, acl.ChosenIterations)
	if err != nil {
		t.Fatal(err)
	}
	b.apply(policy(acl.Account{Name: "jane", Entry: e}))
	b.Reader(t, "jane", password, "", "sensor/live")
	if _, err := b.Connect("jane", strings.TrimSpace(password), ""); !errors.Is(err, acltest.ErrRefused) {
		t.Errorf("a cut password: %v", err)
	}
}
