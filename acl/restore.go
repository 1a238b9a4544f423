package acl

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// killAfter is how long a broker may take to end by itself.
const killAfter = 2 * time.Second

// endedPoll is how often a broker that should end is looked at.
const endedPoll = 10 * time.Millisecond

// Restore puts the files of the last policy back, or files that deny
// everything if there was none, and ends the broker, by force after 2 s, so
// that its supervisor starts it on them. The gate is unproven until the next
// Apply. It returns when the broker has ended.
func (g *Gate) Restore(ctx context.Context) error {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return fmt.Errorf("cannot restore the broker's files: an apply is at work: %w", ctx.Err())
	}
	if err := g.rewrite(); err != nil {
		return fmt.Errorf("cannot restore the broker's files: %w", err)
	}
	if err := g.endBroker(ctx); err != nil {
		return fmt.Errorf("cannot restart the broker: %w", err)
	}
	return nil
}

func (g *Gate) rewrite() error {
	g.mu.Lock()
	gen := g.current
	g.breach = ""
	g.unprove("the broker is being restarted")
	g.mu.Unlock()
	files := denyAll()
	if gen != nil {
		var err error
		if files, err = Render(gen.policy, gen.probe); err != nil {
			return err
		}
	}
	staged, err := stageBoth(g.dir, files)
	if err != nil {
		return err
	}
	return g.swap(staged, files)
}

// endBroker ends the holder of the lock and waits until it holds it no more.
func (g *Gate) endBroker(ctx context.Context) error {
	lock := filepath.Join(g.dir, LockName)
	pid, err := LockHolder(lock)
	if err != nil || pid == 0 {
		return err
	}
	g.log.Warn("broker is being restarted", "broker_pid", pid)
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := g.kill(pid, sig); err != nil {
			if now, lockErr := LockHolder(lock); lockErr == nil && now != pid {
				return nil // it ended before the signal
			}
			return err
		}
		gaveUp := time.After(killAfter)
		for waiting := true; waiting; {
			now, err := LockHolder(lock)
			if err != nil {
				return err
			}
			if now != pid {
				return nil
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-gaveUp:
				waiting = false
			case <-time.After(endedPoll):
			}
		}
	}
	return fmt.Errorf("process %d does not end", pid)
}
