package acl_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/acl/acltest"
)

// A stopped broker is what a hung one looks like from outside: it holds its lock and its connections and does nothing.
func TestHungBrokerIsToldFromASilentOne(t *testing.T) {
	b := open(t, nil)
	b.apply(policy())
	b.Signal(syscall.SIGSTOP)
	defer b.Signal(syscall.SIGCONT)
	start := time.Now()
	var last acl.Verdict
	acltest.Eventually(t, "a verdict other than silent", 15*time.Second, func() bool {
		last = b.check()
		return last.State != acl.Silent
	})
	if took := time.Since(start); last.State != acl.Hung || took < 9*time.Second {
		t.Errorf("after %v: %+v, want hung after 10 s", took, last)
	}
	if v := b.check(); v.State == acl.Open || v.State == acl.Silent {
		t.Errorf("after the verdict: %+v, want no trust until the next proof", v)
	}
}

func TestApplyOnAHungBrokerSaysSo(t *testing.T) {
	b := open(t, nil)
	b.apply(policy())
	b.Signal(syscall.SIGSTOP)
	defer b.Signal(syscall.SIGCONT)
	bob, _ := account(t, "bob")
	if _, err := b.tryApply(policy(bob), 12*time.Second); !errors.Is(err, acl.ErrHung) {
		t.Errorf("Apply on a stopped broker: %v, want ErrHung", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.gate.Restore(ctx); err != nil {
		t.Fatal(err)
	}
	b.apply(policy(bob))
}
