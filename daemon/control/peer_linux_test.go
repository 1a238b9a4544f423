package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The test binary is also the processes of other users that the tests need.
const (
	envRole = "WATTGATE_CONTROL_TEST_ROLE"
	envPath = "WATTGATE_CONTROL_TEST_SOCKET"
)

func TestMain(m *testing.M) {
	switch os.Getenv(envRole) {
	case "":
		os.Exit(m.Run())
	case "gateway":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := Serve(ctx, os.Getenv(envPath), echoRoutes(), slog.New(slog.DiscardHandler)); err != nil {
			fmt.Println(err)
		}
	case "caller":
		c := NewClient(os.Getenv(envPath))
		fmt.Println("status:", verdict(c.Get(context.Background(), "/v1/status", new(echo))))
		fmt.Println("change:", verdict(c.Post(context.Background(), "/v1/change", 1, new(echo))))
	}
}

func verdict(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return "ok"
}

// binary is a copy of this program that every user may execute: go test keeps its own in a directory of mode 0700.
func binary(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	path := filepath.Join(dir, "as-somebody")
	copied, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(copied, self)
	if err := errors.Join(err, copied.Close(), os.Chmod(dir, 0o711), os.Chmod(path, 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

func as(uid uint32, program, role, socket string) *exec.Cmd {
	cmd := exec.Command(program)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), envRole+"="+role, envPath+"="+socket, "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	return cmd
}

// The gateway runs as an unprivileged user, as it does in the snap; root, itself and a stranger call it.
func TestOnlyRootAndTheGatewaysUserMayChange(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED, NOT TESTED: SO_PEERCRED with processes of other users; only root can start them")
	}
	const gateway, stranger = 64001, 64002
	program, path := binary(t), socketPath(t)
	if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o711), os.Chmod(filepath.Dir(filepath.Dir(path)), 0o711),
		os.Chown(filepath.Dir(path), gateway, gateway)); err != nil {
		t.Fatal(err)
	}
	server := as(gateway, program, "gateway", path)
	server.Stdout, server.Stderr = t.Output(), t.Output()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		_ = server.Wait()
	})
	eventually(t, "the gateway's socket", func() bool {
		return NewClient(path).Get(t.Context(), "/v1/status", new(echo)) == nil
	})
	for _, tt := range []struct {
		who  string
		uid  uint32
		want string
	}{
		{"root", 0, "status: ok\nchange: ok\n"},
		{"the gateway's user", gateway, "status: ok\nchange: ok\n"},
		{"a stranger", stranger, "status: ok\nchange: not-owner\n"},
	} {
		out, err := as(tt.uid, program, "caller", path).Output()
		if err != nil || string(out) != tt.want {
			t.Errorf("%s: %q %v, want %q", tt.who, out, err, tt.want)
		}
	}
}

func TestKernelTellsThePeer(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	f := os.NewFile(uintptr(fds[0]), "pair")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := peerOf(c); got != (peer{uid: os.Geteuid(), known: true}) {
		t.Errorf("peer of our own socket: %+v", got)
	}
	tcp, _ := net.Pipe()
	if got := peerOf(tcp); got.known {
		t.Errorf("a connection that is no unix socket has a peer: %+v", got)
	}
}

func TestUnreachableSocketSaysSudo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED, NOT TESTED: a socket out of reach; only root can start processes of other users")
	}
	program, path := binary(t), socketPath(t)
	serving(t, path, echoRoutes()) // below a directory of mode 0700
	out, err := as(64002, program, "caller", path).Output()
	if err != nil || strings.Count(string(out), "sudo") != 2 || strings.Contains(string(out), "not running") {
		t.Errorf("%q %v: want twice the advice to use sudo", out, err)
	}
}
