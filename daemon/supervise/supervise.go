package supervise

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"time"
)

// restartDelay is the pause before a process that ended is started again. systemd's own default is 100 ms; a little
// more keeps a program that cannot start from filling the terminal.
const restartDelay = 300 * time.Millisecond

// maxDelay is what the pause grows to while a process keeps ending within a second of its start.
const maxDelay = 5 * time.Second

// stopTimeout is how long a process may take to end before it is killed.
const stopTimeout = 10 * time.Second

// Process is one program to keep running.
type Process struct {
	Name   string   // for log lines
	Args   []string // the program and its arguments
	Output io.Writer
	Prefix string // put before each line the process writes
}

// Run starts the processes in order and keeps them running until ctx ends; then it ends them in reverse order and
// returns when the last is gone. Only a program that cannot be started at all is an error.
func Run(ctx context.Context, procs []Process, log *slog.Logger) error {
	var running []*keeper
	defer func() {
		for i := len(running) - 1; i >= 0; i-- {
			running[i].stop()
		}
	}()
	for _, p := range procs {
		k := &keeper{Process: p, log: log, done: make(chan struct{})}
		first, err := k.start()
		if err != nil {
			return err
		}
		// Not derived from ctx: the order in which the processes end is ours to keep.
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		k.cancel = cancel
		running = append(running, k)
		go k.keep(own, first)
	}
	<-ctx.Done()
	return nil
}

// keeper keeps one process running; its fields belong to keep once that has started.
type keeper struct {
	Process
	log    *slog.Logger
	cancel context.CancelFunc
	done   chan struct{} // closed when the process has ended for good
}

func (k *keeper) stop() {
	k.cancel()
	<-k.done
}

// child is one run of a process.
type child struct {
	cmd     *exec.Cmd
	started time.Time
	ended   chan error
	said    chan struct{} // closed when all it wrote was handed on
}

func (k *keeper) start() (*child, error) {
	cmd := exec.Command(k.Args[0], k.Args[1:]...)
	cmd.SysProcAttr = ownGroup()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", k.Name, err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	c := &child{cmd: cmd, started: time.Now(), ended: make(chan error, 1), said: make(chan struct{})}
	if err := startTied(cmd, c.ended); err != nil {
		_, _ = r.Close(), w.Close()
		return nil, fmt.Errorf("cannot start %s: %w", k.Name, err)
	}
	_ = w.Close()
	go k.pass(r, c.said)
	return c, nil
}

// pass hands on what a process writes, line by line: what several write into one terminal stays readable. A line longer
// than the buffer comes in pieces.
func (k *keeper) pass(r io.ReadCloser, done chan<- struct{}) {
	defer close(done)
	defer func() { _ = r.Close() }()
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, _, err := in.ReadLine()
		if err != nil {
			return
		}
		_, _ = io.WriteString(k.Output, k.Prefix+string(line)+"\n")
	}
}

// keep waits for the process to end and starts it again, until ctx ends.
func (k *keeper) keep(ctx context.Context, c *child) {
	defer close(k.done)
	delay := restartDelay
	for {
		if c != nil {
			select {
			case <-ctx.Done():
				k.end(c)
				return
			case err := <-c.ended:
				if time.Since(c.started) > time.Second {
					delay = restartDelay
				}
				k.log.Warn("process ended, starting it again", "process", k.Name, "ended", reason(err), "in", delay)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay):
		}
		delay = min(2*delay, maxDelay)
		var err error
		if c, err = k.start(); err != nil {
			k.log.Error("process does not start", "process", k.Name, "error", err)
		}
	}
}

func (k *keeper) end(c *child) {
	_ = terminate(c.cmd.Process)
	select {
	case <-c.ended:
	case <-time.After(stopTimeout):
		k.log.Warn("process does not end, killing it", "process", k.Name, "after", stopTimeout)
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
	select {
	case <-c.said:
	case <-time.After(time.Second): // a child of its own may hold the pipe open
	}
}

func reason(err error) string {
	if err == nil {
		return "by itself"
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.Error()
	}
	return err.Error()
}
