package acltest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

	"github.com/wattgate/wattgate/acl"
)

// Environment of a test run, and of the process that becomes the broker.
const (
	// EnvBinary names another Mosquitto than that of the PATH.
	EnvBinary = "WATTGATE_MOSQUITTO"
	// EnvRequire lists what must not be skipped; "mosquitto" is ours.
	EnvRequire = "WATTGATE_REQUIRE"

	envDir  = "WATTGATE_ACLTEST_DIR"
	envConf = "WATTGATE_ACLTEST_CONF"
)

// Main runs the tests, or becomes Mosquitto if Start began this process.
func Main(m *testing.M) {
	if dir := os.Getenv(envDir); dir != "" {
		fmt.Fprintln(os.Stderr, "acltest: cannot become the broker:", become(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func become(dir string) error {
	lock, err := acl.TakeLock(filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	defer lock.Close() // keeps it open until Mosquitto has it
	conf, err := os.ReadFile(os.Getenv(envConf))
	if err != nil {
		return err
	}
	if err := acl.Prepare(dir, conf); err != nil {
		return err
	}
	return syscall.Exec(os.Getenv(EnvBinary), []string{"mosquitto", "-c", filepath.Join(dir, "mosquitto.conf")}, os.Environ())
}

// Binary finds Mosquitto. Without one the test is skipped, or fails if
// EnvRequire asks for it.
func Binary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(EnvBinary); path != "" {
		return path
	}
	for _, name := range []string{"mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if strings.Contains(os.Getenv(EnvRequire), "mosquitto") {
		t.Fatal("mosquitto is required but not installed (apt install mosquitto)")
	}
	t.Skip("SKIPPED, NOT TESTED: the real broker; mosquitto is not installed (apt install mosquitto)")
	return ""
}

// FailsOpen tells whether the Mosquitto under test is of 2.0, which switches
// its checks off when a file cannot be loaded; 2.1 exits instead.
func FailsOpen(t testing.TB) bool {
	t.Helper()
	// -h exits with 3 where it prints its version, so only the text counts.
	text, _ := exec.Command(Binary(t), "-h").CombinedOutput()
	return strings.HasPrefix(string(text), "mosquitto version 2.0.")
}

// Broker is a supervised Mosquitto on a directory of its own.
type Broker struct {
	Dir string // for acl.Config
	TCP string // host:port of the outer listener

	t    testing.TB
	stop context.CancelFunc
	done chan struct{}

	mu  sync.Mutex
	cmd *exec.Cmd // guarded by mu; nil while no process runs
	off bool      // guarded by mu; Stop was called
}

// Start runs a broker until the test ends, and waits until it listens. It
// begins with files that deny everything.
func Start(t testing.TB) *Broker {
	t.Helper()
	binary := Binary(t)
	dir, err := os.MkdirTemp("", "wg") // short: the path of a unix socket is limited
	if err != nil {
		t.Fatal(err)
	}
	b := &Broker{Dir: filepath.Join(dir, "b"), TCP: freePort(t), t: t, done: make(chan struct{})}
	confPath := filepath.Join(dir, "conf")
	if err := os.WriteFile(confPath, b.conf(), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.stop = cancel
	go b.supervise(ctx, binary, confPath, log)
	t.Cleanup(func() {
		cancel()
		<-b.done
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("log of the broker:\n%s", text[max(0, len(text)-4096):])
		}
		log.Close()
		os.RemoveAll(dir)
	})
	b.WaitUp()
	return b
}

func (b *Broker) conf() []byte {
	me, err := user.Current()
	if err != nil {
		b.t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(b.TCP)
	if err != nil {
		b.t.Fatal(err)
	}
	var n int
	fmt.Sscan(port, &n)
	conf, err := acl.RenderConf(acl.Conf{Dir: b.Dir, User: me.Username,
		Listeners: []acl.Listener{{Address: host, Port: n, MaxConnections: 2000}}})
	if err != nil {
		b.t.Fatal(err)
	}
	return conf
}

// supervise starts the process again whenever it ends.
func (b *Broker) supervise(ctx context.Context, binary, conf string, log *os.File) {
	defer close(b.done)
	// Dying with its parent is tied to the thread that started the process.
	runtime.LockOSThread()
	for ctx.Err() == nil {
		self, err := os.Executable()
		if err != nil {
			panic(err)
		}
		cmd := exec.CommandContext(ctx, self)
		cmd.Env = append(os.Environ(), envDir+"="+b.Dir, envConf+"="+conf, EnvBinary+"="+binary)
		cmd.Stderr, cmd.Stdout = log, log
		cmd.SysProcAttr = dieWithParent()
		b.mu.Lock()
		if b.off {
			b.mu.Unlock()
			<-ctx.Done()
			return
		}
		err = cmd.Start()
		b.cmd = cmd
		b.mu.Unlock()
		if err == nil {
			_ = cmd.Wait() // killed or refused: the log says why
		}
		b.mu.Lock()
		b.cmd = nil
		b.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond): // a supervisor's pause
		}
	}
}

// PID is the broker's process, 0 while none runs.
func (b *Broker) PID() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cmd == nil || b.cmd.Process == nil {
		return 0
	}
	return b.cmd.Process.Pid
}

// Signal reaches the process that runs now.
func (b *Broker) Signal(sig syscall.Signal) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cmd == nil || b.cmd.Process == nil {
		b.t.Fatal("no broker to signal")
	}
	if err := b.cmd.Process.Signal(sig); err != nil {
		b.t.Fatalf("cannot signal the broker: %v", err)
	}
}

// Restart kills the broker and waits until its supervisor has started another.
func (b *Broker) Restart() {
	b.t.Helper()
	old := b.PID()
	b.Signal(syscall.SIGKILL)
	Eventually(b.t, "another broker", 5*time.Second, func() bool { pid := b.PID(); return pid != 0 && pid != old })
	b.WaitUp()
}

// Stop ends the broker for good.
func (b *Broker) Stop() {
	b.t.Helper()
	b.mu.Lock()
	b.off = true
	b.mu.Unlock()
	if b.PID() != 0 {
		b.Signal(syscall.SIGKILL)
	}
	Eventually(b.t, "the end of the broker", 5*time.Second, func() bool { return b.PID() == 0 })
}

// WaitUp waits until the broker answers an anonymous client.
func (b *Broker) WaitUp() {
	b.t.Helper()
	Eventually(b.t, "the broker to answer", 5*time.Second, func() bool {
		c, err := b.Connect("", "", "")
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// Eventually polls a real process until ok, or fails the test.
func Eventually(t testing.TB, what string, within time.Duration, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain for %s", within, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// File is the path of one of the broker's files.
func (b *Broker) File(name string) string { return filepath.Join(b.Dir, name) }

// Write replaces one of the broker's files in place, as a careless hand would.
func (b *Broker) Write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(b.File(name), []byte(text), fs.FileMode(0o600)); err != nil {
		b.t.Fatal(err)
	}
}

// Read returns one of the broker's files, "" if it is not there.
func (b *Broker) Read(name string) string {
	b.t.Helper()
	text, err := os.ReadFile(b.File(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.t.Fatal(err)
	}
	return string(text)
}
