package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/daemon/config"
)

// The test binary is also the process that becomes the broker.
const (
	envDir    = "WATTGATE_BROKER_TEST_DIR"
	envListen = "WATTGATE_BROKER_TEST_LISTEN"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(envDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	err := Become(Options{
		Dir: dir, TLS: filepath.Join(dir, "tls"),
		Conf: config.Broker{Listen: os.Getenv(envListen), MaxConnections: 10},
		Log:  slog.New(slog.NewTextHandler(os.Stdout, nil)),
	})
	fmt.Println("error:", err)
}

// script makes a stand-in for Mosquitto.
func script(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNamedMosquittoIsUsed(t *testing.T) {
	path := script(t, "my-mosquitto", "")
	t.Setenv("WATTGATE_MOSQUITTO", path)
	if got, err := Find(); err != nil || got != path {
		t.Errorf("%q %v, want %q", got, err, path)
	}
	t.Setenv("PATH", filepath.Dir(path))
	t.Setenv("WATTGATE_MOSQUITTO", filepath.Base(path))
	if got, err := Find(); err != nil || got != path {
		t.Errorf("by name in the PATH: %q %v, want %q", got, err, path)
	}
}

// A name that is wrong must not quietly end up with another broker than the one that was asked for.
func TestNamedMosquittoThatIsMissingIsAnError(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "mosquitto")
	if err := os.WriteFile(notExecutable, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{notExecutable, notExecutable + "-missing", "no-such-mosquitto"} {
		t.Setenv("WATTGATE_MOSQUITTO", path)
		if got, err := Find(); err == nil || !strings.Contains(err.Error(), "WATTGATE_MOSQUITTO") {
			t.Errorf("%s: %q %v", path, got, err)
		}
	}
}

// In a snap only the snap's own will do: another is not the one that was tested, and confinement forbids it.
func TestSnapUsesItsOwnMosquitto(t *testing.T) {
	t.Setenv("WATTGATE_MOSQUITTO", "")
	snap := t.TempDir()
	t.Setenv("SNAP", snap)
	t.Setenv("SNAP_NAME", "wattgate")
	t.Setenv("PATH", filepath.Dir(script(t, "mosquitto", "")))
	_, err := Find()
	if !errors.Is(err, ErrNoMosquitto) || !strings.Contains(err.Error(), "apt install mosquitto") || !strings.Contains(err.Error(), "WATTGATE_MOSQUITTO") {
		t.Errorf("an empty snap: %v", err)
	}
	own := filepath.Join(snap, "usr/sbin/mosquitto")
	if err := errors.Join(os.MkdirAll(filepath.Dir(own), 0o755), os.WriteFile(own, []byte("#!/bin/sh\n"), 0o755)); err != nil {
		t.Fatal(err)
	}
	if got, err := Find(); err != nil || got != own {
		t.Errorf("%q %v, want %q", got, err, own)
	}
}

func TestEmptyPathFindsSbinOrSaysWhatToInstall(t *testing.T) {
	t.Setenv("WATTGATE_MOSQUITTO", "")
	t.Setenv("SNAP", "")
	t.Setenv("PATH", "")
	got, err := Find()
	for _, path := range []string{"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"} {
		if _, missing := exec.LookPath(path); missing == nil {
			if err != nil || got != path {
				t.Errorf("%q %v, want %q", got, err, path)
			}
			return
		}
	}
	if !errors.Is(err, ErrNoMosquitto) {
		t.Errorf("%q %v, want ErrNoMosquitto", got, err)
	}
}

// child starts a process that becomes the stand-in, with what it prints.
func child(t *testing.T, mosquitto, dir, listen string) (*exec.Cmd, *strings.Builder) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "WATTGATE_MOSQUITTO="+mosquitto, envDir+"="+dir, envListen+"="+listen, "GORACE=atexit_sleep_ms=0")
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

// By the lock the gateway finds the broker it may signal: it must name the very process, and stay with it over exec.
func TestProcessBecomesTheBrokerAndKeepsTheLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mosquitto")
	told := filepath.Join(t.TempDir(), "told")
	standIn := script(t, "mosquitto", `echo "$@" > `+told+`.new; mv `+told+`.new `+told+`; exec sleep 60`)
	taken := takenAddress(t)
	cmd, out := child(t, standIn, dir, taken)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if args, err := os.ReadFile(told); err == nil {
			if want := "-c " + filepath.Join(dir, "mosquitto.conf"); strings.TrimSpace(string(args)) != want {
				t.Errorf("arguments %q, want %q", args, want)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the stand-in did not start")
		}
	}
	if pid, err := acl.LockHolder(filepath.Join(dir, acl.LockName)); err != nil || pid != cmd.Process.Pid {
		t.Errorf("the lock names process %d (%v), want %d", pid, err, cmd.Process.Pid)
	}
	if all, err := Listeners(dir); err != nil || len(all) != 2 || all[0].Address != taken || all[0].Problem == "" {
		t.Errorf("listeners: %+v %v", all, err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the broker's directory: %v %v, want mode 0700", info, err)
	}

	second, said := child(t, standIn, dir, "")
	if err := second.Run(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said.String(), "error: ") || !strings.Contains(said.String(), strconv.Itoa(cmd.Process.Pid)) {
		t.Errorf("a second broker on the directory: %s, want an error that names process %d", said, cmd.Process.Pid)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if !strings.Contains(out.String(), "listener is off") || !strings.Contains(out.String(), taken) {
		t.Errorf("the log does not name the listener that is off: %s", out)
	}
}

func TestBrokerThatCannotStartSaysWhy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mosquitto")
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("#!/no/such/shell\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{broken, broken + "-missing"} {
		cmd, out := child(t, path, dir, "")
		if err := cmd.Run(); err != nil || !strings.Contains(out.String(), "error: cannot") || !strings.Contains(out.String(), path) {
			t.Errorf("%s: %s %v", path, out, err)
		}
	}
	if pid, err := acl.LockHolder(filepath.Join(dir, acl.LockName)); err != nil || pid != 0 {
		t.Errorf("the lock is still held by %d (%v)", pid, err)
	}
}
