//go:build !windows

package journal

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// manager is the service manager's end of the notification socket.
type manager struct{ conn *net.UnixConn }

func newManager(t *testing.T) manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd") // t.TempDir can exceed the 104 bytes of a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return manager{conn}
}

// next is the next notification, or "" after the given patience.
func (m manager) next(t *testing.T, patience time.Duration) string {
	t.Helper()
	if err := m.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := m.conn.Read(buf)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

func TestNotifications(t *testing.T) {
	m := newManager(t)
	var n Notifier
	for _, c := range []struct {
		send func()
		want string
	}{
		{n.Ready, "READY=1"},
		{n.Stopping, "STOPPING=1"},
		{func() { n.Status("serving 2 plugs") }, "STATUS=serving 2 plugs"},
		{func() { n.Status("fridge\nMAINPID=1") }, `STATUS=fridge\nMAINPID=1`},
		{func() { n.Status(strings.Repeat("ü", maxStatus)) }, "STATUS=" + strings.Repeat("ü", maxStatus/2) + "…"},
	} {
		c.send()
		if got := m.next(t, 5*time.Second); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	n.Reloading()
	if got := m.next(t, 5*time.Second); !strings.HasPrefix(got, "RELOADING=1\n") {
		t.Errorf("got %q", got)
	}
}

// systemd names the journal's socket by device and inode in JOURNAL_STREAM; here it names whatever our stderr is.
func TestStderrThatIsTheJournalGetsPriorities(t *testing.T) {
	var stat syscall.Stat_t
	if err := syscall.Fstat(syscall.Stderr, &stat); err != nil {
		t.Fatal(err)
	}
	t.Setenv("JOURNAL_STREAM", fmt.Sprintf("%d:%d", stat.Dev, stat.Ino))
	if !Stderr(slog.LevelInfo).journal {
		t.Error("the journal was not recognised")
	}
}

func TestOutsideSystemdNothingHappens(t *testing.T) {
	for _, socket := range []string{"", filepath.Join(t.TempDir(), "gone")} {
		t.Setenv("NOTIFY_SOCKET", socket)
		t.Setenv("WATCHDOG_USEC", "")
		var n Notifier
		n.Ready()
		n.Status("x")
		n.Stopping()
	}
}

// Without a watchdog of the service manager the program looks after itself: a stopped machine that wakes up is no hung
// program, one that says no for ten seconds on end is.
func TestWithoutAWatchdogAHungProgramEndsItself(t *testing.T) {
	for _, usec := range []string{"", "0", "-5", "soon", "1000000"} {
		t.Setenv("WATCHDOG_USEC", usec)
		t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()+1)) // another process's watchdog
		synctest.Test(t, func(t *testing.T) {
			began, asked := time.Now(), 0
			var hung time.Duration
			alive := func() bool {
				asked++
				return asked == 2 || asked == 6 // late once, then four times, then for good
			}
			Notifier{}.RunWatchdog(t.Context(), alive, func() { hung = time.Since(began) })
			if hung != 6*ownCheck+ownLimit {
				t.Errorf("WATCHDOG_USEC=%q: called hung after %v, %d questions", usec, hung, asked)
			}
		})
	}
}

func TestAProgramThatEndsIsNotHung(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), ownLimit-ownCheck)
		defer cancel()
		Notifier{}.RunWatchdog(ctx, func() bool { return false }, func() { t.Error("called hung") })
	})
}

func TestWatchdogReachesTheManager(t *testing.T) {
	m := newManager(t)
	t.Setenv("WATCHDOG_USEC", "20000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Notifier{}.RunWatchdog(ctx, func() bool { return true }, func() { t.Error("called hung") })
	}()
	for range 3 {
		if got := m.next(t, 5*time.Second); got != "WATCHDOG=1" {
			t.Errorf("got %q", got)
		}
	}
	stop()
	<-done
}

func TestWatchdogPingsTwicePerLimitWhileAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute-time.Second)
		defer stop()
		start, pings := time.Now(), []time.Duration(nil)
		alive := func() bool { s := time.Since(start); return s < 20*time.Second || s >= 40*time.Second }
		pet(ctx, 10*time.Second, alive, func() { pings = append(pings, time.Since(start)) })
		want := []time.Duration{0, 5, 10, 15, 40, 45, 50, 55}
		if len(pings) != len(want) {
			t.Fatalf("pings at %v", pings)
		}
		for i := range want {
			if pings[i] != want[i]*time.Second {
				t.Errorf("ping %d at %v, want %ds", i, pings[i], want[i])
			}
		}
	})
}
