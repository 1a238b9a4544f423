package guard

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A plug that does not even take the connection is given up after a second.
func TestConnectingEndsAfterASecond(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddrPort(fmt.Sprint("127.0.0.1:", sa.(*unix.SockaddrInet4).Port))
	full := false
	for range 8 { // nobody accepts, so the queue fills
		conn, err := net.DialTimeout("tcp4", addr.String(), 200*time.Millisecond)
		if err != nil {
			full = true
			break
		}
		defer conn.Close()
	}
	if !full {
		t.Skip("SKIPPED: this system takes connections without end")
	}
	began := time.Now()
	_, _, err = ask(t.Context(), addr)
	if d := time.Since(began); err == nil || d < ConnectTimeout*9/10 || d > ConnectTimeout*18/10 {
		t.Errorf("%v after %v", err, d)
	}
}
