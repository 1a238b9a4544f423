//go:build linux

package wattgatetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// readyTimeout bounds a demo's start on a busy machine, stopTimeout its end: it kills what hangs after 10 s itself.
const (
	readyTimeout = 60 * time.Second
	stopTimeout  = 30 * time.Second
)

// Demo is a running `wattgate demo`.
type Demo struct {
	Program Program
	State   string
	Out     *Log   // what it wrote to the standard output
	Log     *Log   // what it, its gateway and its broker wrote to the standard error
	MQTT    string // of the ready line: mqtt://127.0.0.1:PORT
	TLS     string
	Web     string // http://127.0.0.1:PORT

	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
	err   error         // how it ended; read after ended
	known map[int]bool  // every child that was seen; owned by the caller's goroutine
}

// StartDemo starts a demo on free ports and waits until it is ready. The state directory must have a short path: a unix
// socket's holds 107 bytes.
func StartDemo(ctx context.Context, p Program, state string, args ...string) (*Demo, error) {
	d, err := LaunchDemo(p, state, args...)
	if err != nil {
		return nil, err
	}
	if err := d.AwaitReady(ctx); err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	return d, nil
}

// LaunchDemo starts a demo and does not wait.
func LaunchDemo(p Program, state string, args ...string) (*Demo, error) {
	d := &Demo{Program: p, State: state, Log: &Log{}, Out: &Log{}, ended: make(chan struct{}), known: map[int]bool{}}
	all := []string{"demo", "--json", "--state", state}
	for _, flag := range []string{"--mqtt-port", "--tls-port", "--web-port"} {
		port, err := p.FreePort()
		if err != nil {
			return nil, err
		}
		all = append(all, flag, strconv.Itoa(port))
	}
	// Not bound to a context: a demo must be asked to end, or it would leave its children to the kernel.
	d.cmd = p.command(context.Background(), append(all, args...)...) // of two flags the later one counts
	d.cmd.Stdout, d.cmd.Stderr = d.Out, d.Log
	// A group of its own, as a shell gives it; and should this process be killed, the demo ends with it.
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error, 1)
	go func() {
		// The parent-death signal belongs to the thread that starts the process: keep it until the process has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := d.cmd.Start()
		started <- err
		if err == nil {
			d.err = d.cmd.Wait()
		}
		close(d.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("cannot start the demo: %w", err)
	}
	return d, nil
}

// AwaitReady waits for the line `ready`, or for the end of a demo that does not come up.
func (d *Demo) AwaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if lines := d.Out.Lines(); len(lines) > 0 {
			return d.readReady(lines[0].Text)
		}
		select {
		case <-d.ended:
			return fmt.Errorf("the demo ended before it was ready: %w\n%s", d.err, d.Log)
		case <-ctx.Done():
			return fmt.Errorf("the demo is not ready: %w\n%s", ctx.Err(), d.Log)
		case <-tick.C:
		}
	}
}

func (d *Demo) readReady(line string) error {
	var r struct {
		Ready                 bool
		MQTT, TLS, Web, State string
	}
	if err := json.Unmarshal([]byte(line), &r); err != nil || !r.Ready || r.MQTT == "" || r.Web == "" || r.State != d.State {
		return fmt.Errorf("cannot read the line ready %q: %w", line, err)
	}
	d.MQTT, d.TLS, d.Web = r.MQTT, r.TLS, r.Web
	d.children()
	return nil
}

// Port is the port of the plain MQTT listener.
func (d *Demo) Port() int { return portOf(d.MQTT) }

// TLSPort is the port of the TLS listener.
func (d *Demo) TLSPort() int { return portOf(d.TLS) }

func portOf(address string) int {
	u, err := url.Parse(address)
	if err != nil {
		return 0
	}
	port, _ := strconv.Atoi(u.Port())
	return port
}

// Run runs one of the owner's commands on the demo's state.
func (d *Demo) Run(ctx context.Context, args ...string) Result {
	return d.Program.Run(ctx, append(append([]string{}, args...), "--state", d.State)...)
}

// Read runs one of the owner's commands with --json and reads its answer into v.
func (d *Demo) Read(ctx context.Context, v any, args ...string) error {
	r := d.Run(ctx, append(append([]string{}, args...), "--json")...)
	if err := json.Unmarshal([]byte(r.Out), v); err != nil {
		return fmt.Errorf("cannot read the answer to %v: %w\n%s", args, err, r)
	}
	return nil
}

// ConfigFile is where the configuration of the demo's gateway and broker lies.
func (d *Demo) ConfigFile() string { return filepath.Join(d.State, "demo.json") }

// Reload changes the configuration and has the gateway read it. Keys are the dotted names.
func (d *Demo) Reload(changes map[string]any) error {
	data, err := os.ReadFile(d.ConfigFile())
	if err != nil {
		return fmt.Errorf("cannot change the configuration: %w", err)
	}
	if data, err = changeConfig(data, changes); err != nil {
		return fmt.Errorf("cannot change the configuration: %w", err)
	}
	if err := os.WriteFile(d.ConfigFile(), data, 0o600); err != nil {
		return fmt.Errorf("cannot change the configuration: %w", err)
	}
	return d.SignalGateway(syscall.SIGHUP)
}

// Interrupt is Ctrl-C, which on a terminal reaches the whole foreground group.
func (d *Demo) Interrupt() error { return syscall.Kill(-d.cmd.Process.Pid, syscall.SIGINT) }

// Ended is closed once the demo's own process is gone.
func (d *Demo) Ended() <-chan struct{} { return d.ended }

// Stop ends the demo with Ctrl-C and reports what stayed behind; it may be called twice.
func (d *Demo) Stop() error {
	d.children()
	select {
	case <-d.ended:
	default:
		_ = d.Interrupt()
	}
	select {
	case <-d.ended:
	case <-time.After(stopTimeout):
		_ = d.cmd.Process.Kill()
		<-d.ended
		return errors.Join(errors.New("the demo did not end after Ctrl-C"), d.leftBehind())
	}
	if d.err != nil {
		return errors.Join(fmt.Errorf("the demo ended badly: %w", d.err), d.leftBehind())
	}
	return d.leftBehind()
}

// leftBehind ends every child that outlived the demo, and says so.
func (d *Demo) leftBehind() error {
	var left error
	for pid := range d.known {
		if name := commandOf(pid); name != "" && stillOurs(pid, d.State) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			left = errors.Join(left, fmt.Errorf("process %d (%s) outlived the demo", pid, name))
		}
	}
	d.known = map[int]bool{}
	return left
}

// WriteLog shows everything the demo wrote.
func (d *Demo) WriteLog(w io.Writer) { _, _ = io.WriteString(w, d.Log.String()) }
