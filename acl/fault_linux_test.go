package acl_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/acl/acltest"
)

// Each fault is done to files that the gate has proven, then the broker is
// signalled as logrotate does it.
var faults = []struct {
	name string
	do   func(t *testing.T, b *bench)
}{
	{"acl: one bad line", func(t *testing.T, b *bench) { b.Write("acl", b.Read("acl")+"garbage\n") }},
	{"acl: one line too many", func(t *testing.T, b *bench) { b.Write("acl", "topic readwrite #\n"+b.Read("acl")) }},
	{"acl: denial removed", func(t *testing.T, b *bench) {
		b.Write("acl", strings.Replace(b.Read("acl"), "topic deny sensor/live\n", "", 1))
	}},
	{"acl: deleted", func(t *testing.T, b *bench) { os.Remove(b.File("acl")) }},
	{"acl: a directory", func(t *testing.T, b *bench) {
		os.Remove(b.File("acl"))
		if err := os.MkdirAll(b.File("acl/full"), 0o700); err != nil {
			t.Fatal(err)
		}
	}},
	{"acl: a symbolic link", func(t *testing.T, b *bench) {
		if err := errors.Join(os.Rename(b.File("acl"), b.File("moved")), os.Symlink("moved", b.File("acl"))); err != nil {
			t.Fatal(err)
		}
	}},
	{"passwd: deleted", func(t *testing.T, b *bench) { os.Remove(b.File("passwd")) }},
	{"passwd: emptied", func(t *testing.T, b *bench) { b.Write("passwd", "") }},
	{"conf: without acl_file", func(t *testing.T, b *bench) {
		b.Write("mosquitto.conf", strings.Replace(b.Read("mosquitto.conf"), "acl_file ", "# ", 1))
	}},
	{"conf: without password_file", func(t *testing.T, b *bench) {
		b.Write("mosquitto.conf", strings.Replace(b.Read("mosquitto.conf"), "password_file ", "# ", 1))
	}},
}

func TestFaultIsSeenBeforePaidMessageAndMended(t *testing.T) {
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			b := open(t, nil)
			bob, bobPass := account(t, "bob")
			b.apply(policy(bob))
			anon := b.Reader(t, "", "", "", "#", "sensor/live")
			pub := b.publisher()
			publishIfOpen := func() acl.Verdict {
				v := b.check()
				if v.State == acl.Open {
					pub.Publish(t, "sensor/live", "paid")
				}
				return v
			}
			if v := publishIfOpen(); v.State != acl.Open {
				t.Fatalf("before the fault: %+v", v)
			}
			old := b.PID()
			fault.do(t, b)
			b.Signal(syscall.SIGHUP)
			v := publishIfOpen()
			// A Mosquitto that exits on a bad file is started again before Check looks: not open either.
			gone := v.State == acl.Unproven && !acltest.FailsOpen(t)
			if v.State != acl.Breached && !gone || v.Reason == "" {
				t.Fatalf("after the fault: %+v", v)
			}
			if s := b.gate.Status(); s.Proven || s.Reason == "" {
				t.Errorf("status after the fault: %+v", s)
			}

			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := b.gate.Restore(ctx); err != nil {
				t.Fatal(err)
			}
			if v := publishIfOpen(); v.State == acl.Open {
				t.Error("open between restore and proof")
			}
			if proof := b.apply(policy(bob)); proof.BrokerPID == old {
				t.Error("the broker was not restarted")
			}
			bobs := b.Reader(t, "bob", bobPass, "", "sensor/live")
			pub = b.publisher()
			if v := publishIfOpen(); v.State != acl.Open {
				t.Fatalf("after the repair: %+v", v)
			}
			acltest.Eventually(t, "bob's message", 2*time.Second, func() bool { return bobs.Has("sensor/live", "paid") })
			if anon.Topics()["sensor/live"] {
				t.Error("the anonymous reader received a paid message")
			}
		})
	}
}

// needsFailOpen skips what only a Mosquitto that drops its checks can show.
func needsFailOpen(t *testing.T) {
	t.Helper()
	if !acltest.FailsOpen(t) {
		t.Skip("SKIPPED: this Mosquitto exits on a bad file, so it never runs without its checks")
	}
}

// The broker's behaviour alone gives a fault away too, before anybody looks at
// a file.
func TestWatchSeesOpenBrokerBeforeCheck(t *testing.T) {
	needsFailOpen(t)
	b := open(t, nil)
	b.apply(policy())
	b.Write("acl", b.Read("acl")+"garbage\n")
	b.Signal(syscall.SIGHUP)
	writer := b.Reader(t, "", "", "", "#")
	acltest.Eventually(t, "the broker to drop its checks", 2*time.Second, func() bool {
		writer.Publish(t, "sensor/live", "forged")
		return writer.Has("sensor/live", "forged")
	})
	acltest.Eventually(t, "the watch to withdraw the proof", 2*time.Second, func() bool { return !b.gate.Status().Proven })
	if s := b.gate.Status(); !strings.Contains(s.Reason, "anonymous client received the paid topic sensor/live") {
		t.Errorf("reason: %s", s.Reason)
	}
	if v := b.check(); v.State != acl.Breached {
		t.Errorf("Check: %+v", v)
	}
}

// The canary alone tells too, without a glance at the files and before
// anything of worth was sent.
func TestCanaryAloneTells(t *testing.T) {
	needsFailOpen(t)
	b := open(t, nil)
	b.apply(policy())
	b.Write("acl", b.Read("acl")+"garbage\n")
	b.Signal(syscall.SIGHUP)
	writer := b.Reader(t, "", "", "", "#")
	acltest.Eventually(t, "the broker to drop its checks", 2*time.Second, func() bool {
		writer.Publish(t, "of/no/worth", "x")
		return writer.Has("of/no/worth", "x")
	})
	if err := b.gate.TrustFiles(); err != nil {
		t.Fatal(err)
	}
	if v := b.check(); v.State != acl.Breached || v.Reason != "an anonymous client received the canary" {
		t.Errorf("Check: %+v", v)
	}
}

// Files that somebody changed are a breach whoever sees it first: an Apply that
// wrote them anew would mend it without a word.
func TestApplyOnChangedFilesIsABreach(t *testing.T) {
	b := open(t, nil)
	b.apply(policy())
	b.Write("acl", "garbage\n")
	b.Signal(syscall.SIGHUP)
	bob, _ := account(t, "bob")
	for _, p := range []acl.Policy{policy(), policy(bob)} {
		if _, err := b.tryApply(p, 3*time.Second); !errors.Is(err, acl.ErrDisobeys) {
			t.Fatalf("Apply on changed files: %v, want ErrDisobeys", err)
		}
	}
	if v := b.check(); v.State != acl.Breached {
		t.Errorf("Check: %+v, want a breach", v)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.gate.Restore(ctx); err != nil {
		t.Fatal(err)
	}
	b.apply(policy(bob))
	if v := b.check(); v.State != acl.Open {
		t.Errorf("Check: %+v", v)
	}
}

func TestBrokerThatWasOpenFromTheStartIsNamed(t *testing.T) {
	b := open(t, nil)
	b.Write("mosquitto.conf", strings.Replace(b.Read("mosquitto.conf"), "password_file ", "# ", 1))
	b.Signal(syscall.SIGHUP)
	if _, err := b.tryApply(policy(), 3*time.Second); !errors.Is(err, acl.ErrDisobeys) {
		t.Fatalf("Apply on a broker that accepts any password: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.gate.Restore(ctx); err != nil {
		t.Fatal(err)
	}
	b.apply(policy())
}

func TestStoppedBrokerIsNoDisobedience(t *testing.T) {
	b := open(t, nil)
	b.apply(policy())
	b.Signal(syscall.SIGSTOP)
	defer b.Signal(syscall.SIGCONT)
	bob, _ := account(t, "bob")
	if _, err := b.tryApply(policy(bob), 3*time.Second); err == nil || errors.Is(err, acl.ErrDisobeys) {
		t.Errorf("Apply on a stopped broker: %v", err)
	}
}

func TestStoppedBrokerIsSilentThenReplaced(t *testing.T) {
	b := open(t, nil)
	first := b.apply(policy())
	b.Signal(syscall.SIGSTOP)
	start := time.Now()
	v := b.check()
	if took := time.Since(start); v.State != acl.Silent || took < 240*time.Millisecond || took > 500*time.Millisecond {
		t.Errorf("Check of a stopped broker: %+v after %v", v, took)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.gate.Restore(ctx); err != nil {
		t.Fatal(err)
	}
	if second := b.apply(policy()); second.BrokerPID == first.BrokerPID {
		t.Error("the stopped broker was not replaced")
	}
}

func TestSilenceHealsWithoutProof(t *testing.T) {
	b := open(t, nil)
	b.apply(policy())
	b.Signal(syscall.SIGSTOP)
	if v := b.check(); v.State != acl.Silent {
		t.Errorf("Check of a stopped broker: %+v", v)
	}
	b.Signal(syscall.SIGCONT)
	acltest.Eventually(t, "the gate to open again", 2*time.Second, func() bool { return b.check().State == acl.Open })
}

func TestApplyWithoutBrokerFails(t *testing.T) {
	b := open(t, nil)
	b.apply(policy())
	b.Stop()
	bob, _ := account(t, "bob")
	if _, err := b.tryApply(policy(bob), 300*time.Millisecond); err == nil {
		t.Fatal("applied without a broker")
	} else if !strings.Contains(err.Error(), "no broker runs") {
		t.Errorf("error: %v", err)
	}
	if v := b.check(); v.State == acl.Open {
		t.Error("open without a broker")
	}
}

func TestBrokerOutsideTheLockIsNotTrusted(t *testing.T) {
	b := open(t, nil)
	b.apply(policy())
	// The process that listens keeps running, but the name of the lock now
	// belongs to nobody.
	if err := os.Remove(b.File("lock")); err != nil {
		t.Fatal(err)
	}
	bob, _ := account(t, "bob")
	if _, err := b.tryApply(policy(bob), 300*time.Millisecond); err == nil {
		t.Error("proved a broker that does not hold the lock")
	}
}

func TestRefusedPolicyKeepsProof(t *testing.T) {
	b := open(t, nil)
	bob, _ := account(t, "bob")
	b.apply(policy(bob))
	more := policy(bob)
	more.Free = append(more.Free, "bad topic\n")
	if _, err := b.tryApply(more, time.Second); err == nil {
		t.Fatal("a hostile topic was applied")
	}
	if v := b.check(); v.State != acl.Open {
		t.Errorf("a refused addition closed the gate: %+v", v)
	}
	less := policy()
	less.Free = append(less.Free, "bad topic\n")
	if _, err := b.tryApply(less, time.Second); err == nil {
		t.Fatal("a hostile topic was applied")
	}
	if v := b.check(); v.State != acl.Unproven {
		t.Errorf("bob's right should have ended, but the gate is %v", v.State)
	}
}

func TestLimitsOfConfHold(t *testing.T) {
	b := open(t, nil)
	b.apply(policy())
	c := b.Reader(t, "", "", "")
	c.Publish(t, "wattgate/orders", strings.Repeat("x", 16<<10))
	c.PublishUnheard("wattgate/orders", strings.Repeat("x", 40<<10))
	select {
	case <-c.Lost:
	case <-time.After(2 * time.Second):
		t.Error("a packet of 40 KiB was accepted")
	}
}
