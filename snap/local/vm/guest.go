//go:build linux

package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Limits of how long a machine may take until it can be used. Booting takes a minute on an idle machine and up to six on a
// busy one, resuming a few seconds.
const (
	bootLimit   = 10 * time.Minute
	resumeLimit = 3 * time.Minute
)

// User is an account of the guest.
type User string

// The accounts of the guest: root, and an ordinary user who may use sudo without a password.
const (
	Root  User = "root"
	Owner User = "owner"
)

// Guest is one virtual machine with a disk of its own. Its commands may run side by side; switching it off and on may not.
type Guest struct {
	stage   string // of the disk: kernel, initrd, id
	dir     string // of this guest, removed by Close
	log     io.Writer
	machine *machine

	mu     sync.Mutex
	online map[User]bool // guarded by mu: connections that are up
}

// guestPrefix begins the name of a guest's directory; the process that runs it follows.
const guestPrefix = "wattgate-vm-"

func newGuest(stage string, log io.Writer) (*Guest, error) {
	// Short: the paths of Unix sockets below it are limited to 107 bytes.
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", guestPrefix, os.Getpid()))
	if err != nil {
		return nil, err
	}
	return &Guest{stage: stage, dir: dir, log: log, online: map[User]bool{}}, nil
}

func (g *Guest) drive() string { return filepath.Join(g.dir, "disk.qcow2") }

// switchOn starts the machine and waits until a command runs in it.
func (g *Guest) switchOn(ctx context.Context, limit time.Duration, extra ...string) error {
	m, err := startMachine(g.drive(), filepath.Join(g.stage, "kernel"), filepath.Join(g.stage, "initrd"), g.dir, extra...)
	if err != nil {
		return err
	}
	g.machine = m
	return g.wait(ctx, limit)
}

// wait tries until SSH answers, the machine dies, or the limit is over.
func (g *Guest) wait(ctx context.Context, limit time.Duration) error {
	end := time.Now().Add(limit)
	for {
		err := g.connect(ctx, Root)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case g.machine.dead():
			return g.machine.broken("QEMU ended")
		case time.Now().After(end):
			return g.machine.broken(fmt.Sprintf("it did not answer within %.0f s: %v", limit.Seconds(), err))
		}
		select {
		case <-ctx.Done():
		case <-g.machine.done:
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// ssh is a call of the client over the connection that user's commands share.
func (g *Guest) ssh(ctx context.Context, user User, args ...string) *exec.Cmd {
	options := []string{
		"-F", "none", "-i", filepath.Join(g.stage, "id"), "-p", fmt.Sprint(g.machine.port), "-l", string(user),
		"-o", "ControlPath=" + filepath.Join(g.dir, string(user)), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=60", "-o", "ServerAliveCountMax=5",
	}
	cmd := exec.CommandContext(ctx, "ssh", append(options, args...)...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// connect opens the shared connection of a user if it is not up: a session over it costs a fraction of a handshake.
func (g *Guest) connect(ctx context.Context, user User) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.online[user] {
		return nil
	}
	_ = os.Remove(filepath.Join(g.dir, string(user)))
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	said := filepath.Join(g.dir, string(user)+".log")
	file, err := os.Create(said) // not a pipe: the connection in the background would hold it open
	if err != nil {
		return err
	}
	defer file.Close()
	cmd := g.ssh(ctx, user, "-o", "ControlMaster=yes", "-N", "-f", "127.0.0.1")
	cmd.Stderr = file
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(said)
		return fmt.Errorf("cannot connect to the guest as %s: %w: %s", user, err, bytes.TrimSpace(text))
	}
	g.online[user] = true
	return nil
}

// hangUp closes the connections, or forgets those that died with the machine.
func (g *Guest) hangUp() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for user := range g.online {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_ = g.ssh(ctx, user, "-O", "exit", "127.0.0.1").Run() // gone already is as good
		cancel()
	}
	clear(g.online)
}

// Command is something to run in the guest.
type Command struct {
	User  User   // default Root
	Line  string // for the user's shell
	Stdin io.Reader
}

// Result is what a command printed and how it ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Exec runs a command to its end. The error is about the machine or the connection; a command that fails is a Code.
func (g *Guest) Exec(ctx context.Context, c Command) (Result, error) {
	if c.User == "" {
		c.User = Root
	}
	if err := g.connect(ctx, c.User); err != nil {
		return Result{}, err
	}
	cmd := g.ssh(ctx, c.User, "127.0.0.1", c.Line)
	var out, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, &out, &stderr
	err := cmd.Run()
	r := Result{out.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return r, fmt.Errorf("cannot wait for %q in the guest any longer: %w", c.Line, ctx.Err())
	case r.Code == 255: // ssh's own failure; nothing we run ends with it
		return r, g.machine.broken(fmt.Sprintf("the connection broke during %q: %s", c.Line, r.Stderr))
	case err != nil && !errors.As(err, &exit):
		return r, err
	}
	return r, nil
}

// Run runs a line in root's shell.
func (g *Guest) Run(ctx context.Context, line string) (stdout, stderr string, code int, err error) {
	r, err := g.Exec(ctx, Command{Line: line})
	return r.Stdout, r.Stderr, r.Code, err
}

// RunAs runs a line in a user's shell.
func (g *Guest) RunAs(ctx context.Context, user User, line string) (Result, error) {
	return g.Exec(ctx, Command{User: user, Line: line})
}

// Must runs a line in root's shell and takes everything but success for an error. It returns what was printed on standard
// output, without the blanks around it.
func (g *Guest) Must(ctx context.Context, line string) (string, error) {
	r, err := g.Exec(ctx, Command{Line: line})
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("cannot run %q in the guest: exit code %d\n%s%s", line, r.Code, r.Stdout, r.Stderr)
	}
	return strings.TrimSpace(r.Stdout), err
}

// Put copies a file into the guest, as root's and with its mode.
func (g *Guest) Put(ctx context.Context, local, remote string) error {
	f, err := os.Open(local)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	line := fmt.Sprintf("cat > %s && chmod %o %s", Quote(remote), info.Mode().Perm(), Quote(remote))
	r, err := g.Exec(ctx, Command{Line: line, Stdin: f})
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("cannot put %s into the guest: %s", local, r.Stderr)
	}
	return err
}

// Get copies a file out of the guest.
func (g *Guest) Get(ctx context.Context, remote, local string) error {
	r, err := g.Exec(ctx, Command{Line: "cat " + Quote(remote)})
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("cannot get %s out of the guest: %s", remote, r.Stderr)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(local, []byte(r.Stdout), 0o600)
}

// SetClock sets the guest's clock and its real-time clock.
func (g *Guest) SetClock(ctx context.Context, t time.Time) error {
	_, err := g.Must(ctx, fmt.Sprintf("date -u -s @%d.%03d >/dev/null", t.Unix(), t.Nanosecond()/1e6))
	return err
}

// Quote makes one word of a text for the guest's shell.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
