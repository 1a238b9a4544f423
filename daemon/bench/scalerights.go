//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// scaleRights keeps a broker on many grants, through the gate or as the baseline does.
type scaleRights struct {
	b         *scaleBroker
	naive     bool
	accounts  []acl.Account
	passwords []string
	publisher wattgatetest.Login

	gate *acl.Gate
	end  func()

	clients []*wattgatetest.Client
}

func newScaleRights(b *scaleBroker, naive bool) *scaleRights { return &scaleRights{b: b, naive: naive} }

// open makes the grants and puts them into force.
func (w *scaleRights) open(ctx context.Context, grants int) error {
	for i := range grants {
		password := acl.NewPassword()
		e, err := acl.NewEntry(password, acl.GeneratedIterations)
		if err != nil {
			return err
		}
		w.accounts = append(w.accounts, acl.Account{Name: fmt.Sprintf("user-%d", i), Entry: e})
		w.passwords = append(w.passwords, password)
	}
	if w.naive {
		w.end = func() {}
		w.publisher = w.login(0)
		_, _, err := w.changeNaive(ctx, 0)
		return err
	}
	w.gate = acl.New(acl.Config{Dir: w.b.dir, Log: slog.New(slog.DiscardHandler)})
	running, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { _ = w.gate.Run(running) })
	w.end = func() { cancel(); done.Wait() }
	account, password := w.gate.Publisher()
	w.publisher = wattgatetest.Login{Name: account.Name, Password: password}
	_, _, err := w.change(ctx, 0)
	return err
}

func (w *scaleRights) close() {
	for _, c := range w.clients {
		c.Close()
	}
	w.end()
}

func (w *scaleRights) login(i int) wattgatetest.Login {
	return wattgatetest.Login{Name: w.accounts[i].Name, Password: w.passwords[i]}
}

// crowd connects clients, each with a grant of its own as far as there are enough.
func (w *scaleRights) crowd(n int) error {
	for i := range n {
		c, err := wattgatetest.Connect(w.b.url, w.login(i%(len(w.accounts)-1)), "sensor/1m")
		if err != nil {
			return err
		}
		w.clients = append(w.clients, c)
	}
	return nil
}

// change takes the right of the last account away or gives it back, and returns how long that took until it was proven and
// what of it was processor time of the gate.
func (w *scaleRights) change(ctx context.Context, i int) (took, cpu time.Duration, err error) {
	if w.naive {
		return w.changeNaive(ctx, i)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	before := cpuOf(os.Getpid())
	began := time.Now()
	_, err = w.gate.Apply(ctx, scalePolicy(w.accounts[:len(w.accounts)-i%2]))
	return time.Since(began), cpuOf(os.Getpid()) - before, err
}

// changeNaive writes a user block for each account, signals the broker and waits until a new user may log in.
func (w *scaleRights) changeNaive(ctx context.Context, i int) (took, cpu time.Duration, err error) {
	password := acl.NewPassword()
	e, err := acl.NewEntry(password, acl.GeneratedIterations)
	if err != nil {
		return 0, 0, err
	}
	fresh := acl.Account{Name: fmt.Sprintf("fresh-%d", i), Entry: e}
	before := cpuOf(os.Getpid())
	began := time.Now()
	policy := scalePolicy(w.accounts[1:])
	policy.Publisher = w.accounts[0]
	files, err := acl.Render(policy, fresh)
	if err != nil {
		return 0, 0, err
	}
	rules := bytes.NewBufferString("topic read sensor/1m\ntopic write wattgate/orders\n")
	for n, a := range w.accounts {
		right := "read"
		if n == 0 {
			right = "readwrite" // the publisher of this baseline
		}
		fmt.Fprintf(rules, "user %s\ntopic %s %s\ntopic %s %s\ntopic read sensor/1m\n", a.Name, right, slowTopic, right, fastTopic)
	}
	err = errors.Join(acl.ReplaceFile(w.b.dir, "acl", rules.Bytes()), acl.ReplaceFile(w.b.dir, "passwd", files.Passwd))
	if err != nil {
		return 0, 0, err
	}
	pid, err := acl.LockHolder(filepath.Join(w.b.dir, acl.LockName))
	if err != nil {
		return 0, 0, err
	}
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		return 0, 0, err
	}
	cpu = cpuOf(os.Getpid()) - before
	for {
		c, err := wattgatetest.Connect(w.b.url, wattgatetest.Login{Name: fresh.Name, Password: password})
		if err == nil {
			took = time.Since(began)
			c.Close()
			return took, cpu, nil
		}
		if time.Since(began) > 30*time.Second {
			return 0, 0, err
		}
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return 0, 0, err
		}
	}
}
