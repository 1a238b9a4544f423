//go:build linux

package wattgatetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/wattgate/wattgate/daemon/broker"
)

// mainPackage is what is built.
const mainPackage = "github.com/wattgate/wattgate/daemon/cmd/wattgate"

// commandTimeout bounds a command that should answer at once; one that hangs is killed and reports code -1.
const commandTimeout = 60 * time.Second

// Program is a built wattgate and the environment it is run with.
type Program struct {
	Path string
	Env  []string // added to this process's own; "NAME=value"

	ports *ports
}

// Build compiles wattgate into dir, as `make build` does, with extra build tags. It must be called from within the
// module; the build cache makes every build after the first cheap.
func Build(ctx context.Context, dir string, tags ...string) (Program, error) {
	name := "wattgate"
	args := []string{"build", "-trimpath"}
	if len(tags) > 0 {
		name += "-" + strings.Join(tags, "-")
		args = append(args, "-tags", strings.Join(tags, ","))
	}
	out := filepath.Join(dir, name)
	cmd := exec.CommandContext(ctx, "go", append(args, "-o", out, mainPackage)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return Program{}, fmt.Errorf("cannot build wattgate: %w\n%s", err, text)
	}
	return Program{Path: out, ports: newPorts()}, nil
}

// With returns the program with more environment; a later value of a name wins.
func (p Program) With(env ...string) Program {
	p.Env = append(append([]string{}, p.Env...), env...)
	return p
}

// Result is what a command printed and how it ended.
type Result struct {
	Out  string
	Err  string
	Code int // -1: it did not start, or did not end by itself
}

// String shows everything, for a test's failure.
func (r Result) String() string {
	return fmt.Sprintf("exit code %d\nstdout: %s\nstderr: %s", r.Code, r.Out, r.Err)
}

// Run runs a command to its end.
func (p Program) Run(ctx context.Context, args ...string) Result {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	return run(p.command(ctx, args...))
}

// RunAs is Run as another user of this machine; only root can.
func (p Program) RunAs(ctx context.Context, uid, gid uint32, args ...string) Result {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd := p.command(ctx, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	return run(cmd)
}

func (p Program) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.Path, args...)
	cmd.Env = append(os.Environ(), p.Env...)
	cmd.WaitDelay = time.Second
	return cmd
}

func run(cmd *exec.Cmd) Result {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	r := Result{Out: out.String(), Err: errs.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		r.Code = exit.ExitCode()
	} else if err != nil {
		r.Code, r.Err = -1, r.Err+err.Error()
	}
	return r
}

// Eventually asks probe again and again until it returns nil, or returns its last error once within has passed. It is
// for real processes; whatever can run in a synctest bubble should.
func Eventually(ctx context.Context, within time.Duration, probe func() error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		err := probe()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("still after %s: %w", within, err)
		case <-tick.C:
		}
	}
}

// Programs is what tests of the running program need: the one that ships, and one that dies at a step a test names.
type Programs struct {
	Plain, Crashing Program
	dir             string
}

// BuildAll checks that the broker, which WATTGATE_MOSQUITTO may name, and its clients are there, and builds the programs
// into a directory that other users of this machine may enter. missing says what has to be installed.
func BuildAll(ctx context.Context) (p Programs, missing, err error) {
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin") // Debian keeps mosquitto there
	if _, missing := broker.Find(); missing != nil {
		return Programs{}, missing, nil
	}
	for _, name := range []string{"mosquitto_sub", "mosquitto_pub", "stdbuf"} {
		if _, missing := exec.LookPath(name); missing != nil {
			return Programs{}, fmt.Errorf("%w (apt install mosquitto-clients)", missing), nil
		}
	}
	if p.dir, err = os.MkdirTemp("", "wgb"); err != nil {
		return Programs{}, nil, err
	}
	if err = os.Chmod(p.dir, 0o755); err == nil {
		p.Plain, err = Build(ctx, p.dir)
	}
	if err == nil {
		p.Crashing, err = Build(ctx, p.dir, "crashpoints")
	}
	return p, nil, err
}

// Remove takes the built programs away.
func (p Programs) Remove() { _ = os.RemoveAll(p.dir) }

// Fill writes a file until its disk is full; free gives the space back.
func Fill(file string) (free func(), err error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	_ = f.Close()
	free = func() { _ = os.Remove(file) }
	if !errors.Is(err, syscall.ENOSPC) {
		free()
		return nil, fmt.Errorf("the disk is not full: %w", err)
	}
	return free, nil
}
