package acl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// signalAgain is how long a SIGHUP without effect is waited for before it
// counts as lost. Mosquitto 2.0 drops one that arrives during a reload.
const signalAgain = 2 * time.Second

// tries is what one proof remembers of the signals it has sent.
type tries struct {
	pid   int       // the process signalled last
	first time.Time // signal to it
	last  time.Time
}

// due tells whether this process should be signalled now.
func (t tries) due(pid int) bool {
	return t.pid != pid || time.Since(t.last) >= signalAgain
}

func (t *tries) sent(pid int) {
	t.last = time.Now()
	if t.pid != pid {
		t.pid, t.first = pid, t.last
	}
}

// hadTime tells whether the process got a signal and the time to follow it.
func (t tries) hadTime(pid int) bool {
	return t.pid == pid && time.Since(t.first) >= signalAgain
}

// broker returns the pid of the process that holds the lock.
func (g *Gate) broker() (int, error) {
	pid, err := LockHolder(filepath.Join(g.dir, LockName))
	if err == nil && pid == 0 {
		err = errors.New("no broker runs (nobody holds its lock)")
	}
	return pid, err
}

// hangUp tells the holder of the lock to load its files.
func (g *Gate) hangUp(pid int, again bool) error {
	if err := g.kill(pid, syscall.SIGHUP); err != nil {
		return err
	}
	g.mu.Lock()
	g.reloads++
	if again {
		g.repeats++
	}
	g.mu.Unlock()
	if again {
		g.log.Warn("broker signalled again: no effect so far", "broker_pid", pid)
	}
	g.step("signalled")
	return nil
}

// signal reaches the process only if it holds the lock: os.FindProcess pins
// it (pidfd), so a pid used again by another process is never signalled.
func (g *Gate) signal(pid int, sig os.Signal) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return fmt.Errorf("cannot find the broker's process %d: %w", pid, err)
	}
	defer p.Release()
	holder, err := LockHolder(filepath.Join(g.dir, LockName))
	if err != nil {
		return err
	}
	if holder != pid {
		return fmt.Errorf("the broker's process %d has ended", pid)
	}
	if err := p.Signal(sig); err != nil {
		return fmt.Errorf("cannot signal the broker's process %d: %w (do both run as the same user?)", pid, err)
	}
	return nil
}
