//go:build linux

package fronttest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Program finds a program, also where Debian keeps those of root. Without it the test is skipped, or fails if
// WATTGATE_REQUIRE contains required.
func Program(t testing.TB, name, required, debian string) string {
	t.Helper()
	if path := os.Getenv("WATTGATE_" + strings.ToUpper(name)); path != "" {
		return path
	}
	for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	if strings.Contains(os.Getenv("WATTGATE_REQUIRE"), required) {
		t.Fatalf("%s is required but not installed (apt install %s)", name, debian)
	}
	t.Skipf("SKIPPED, NOT TESTED: %s is not installed (apt install %s)", name, debian)
	return ""
}

// Broker is a Mosquitto that lets anybody do anything, over TCP and over WebSockets.
type Broker struct {
	TCP, WebSockets string // host:port

	t       testing.TB
	process *Process
	args    []string
}

// StartBroker runs a broker until the test ends.
func StartBroker(t testing.TB) *Broker {
	t.Helper()
	binary := Program(t, "mosquitto", "mosquitto", "mosquitto")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	b := &Broker{TCP: FreeAddress(t), WebSockets: FreeAddress(t), t: t}
	conf := filepath.Join(t.TempDir(), "mosquitto.conf")
	// Without a socket_domain, 2.0.11 ignores the address of a WebSockets listener and listens on all of them.
	text := fmt.Sprintf("user %s\nallow_anonymous true\npersistence false\nlog_dest stderr\nlog_type error\nlog_type notice\n"+
		"listener %s 127.0.0.1\nlistener %s 127.0.0.1\nprotocol websockets\n"+
		"socket_domain ipv4\n", me.Username, port(b.TCP), port(b.WebSockets))
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	b.args = []string{binary, "-c", conf}
	b.Start()
	return b
}

// Start starts the broker again after Stop, on the same addresses, and waits until it listens.
func (b *Broker) Start() {
	b.t.Helper()
	b.process = Start(b.t, b.args...)
	for _, address := range []string{b.TCP, b.WebSockets} {
		b.process.AwaitListener(b.t, address)
	}
}

// Stop kills the broker.
func (b *Broker) Stop() { b.process.Kill() }

// PID is the broker's process.
func (b *Broker) PID() int { return b.process.cmd.Process.Pid }

// Process is a program that ends with the test, at the latest.
type Process struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{}

	mu  sync.Mutex // guards what follows
	log []byte
}

// Write keeps what the program says.
func (p *Process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, text...)
	return len(text), nil
}

// Log is what the program has said.
func (p *Process) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.log)
}

// Start runs a program in a process group of its own, with what it starts itself; the end of the test kills them all, and
// shows what it said if the test failed.
func Start(t testing.TB, args ...string) *Process {
	t.Helper()
	p := &Process{name: filepath.Base(args[0]), cmd: exec.Command(args[0], args[1:]...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.WaitDelay = time.Second
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// Dying with the parent is tied to the thread that started the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // killed or ended: the log says why
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("cannot start %s: %v", p.name, err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", p.name, p.Log())
		}
	})
	return p
}

// Kill ends the program and everything it started, and returns when it is gone.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may be gone already
	<-p.ended
}

// AwaitListener waits until the program listens.
func (p *Process) AwaitListener(t testing.TB, address string) {
	t.Helper()
	Eventually(t, p.name+" to listen on "+address, func() bool {
		select {
		case <-p.ended:
			t.Fatalf("%s has ended:\n%s", p.name, p.Log())
		default:
		}
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// Eventually polls something real until ok, or fails the test.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	const within = 15 * time.Second
	for deadline := time.Now().Add(within); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain for %s", within, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// FreeAddress is a loopback address that nobody listens on.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func port(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		panic(err)
	}
	return port
}
