//go:build linux

package ssdp

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// apart runs do on a thread of its own in a new network namespace, and within it
// in, which runs another function in the same namespace. Both may run programs.
func apart(t *testing.T, do func(in func(func()))) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		fd, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
		if err != nil {
			done <- err
			return
		}
		defer fd.Close()
		do(func(also func()) {
			over := make(chan struct{})
			go func() {
				defer close(over)
				runtime.LockOSThread()
				if err := unix.Setns(int(fd.Fd()), unix.CLONE_NEWNET); err != nil {
					t.Error(err)
					return
				}
				also()
			}()
			<-over
		})
		done <- nil
	}()
	if err := <-done; err != nil {
		t.Skipf("SKIPPED interfaces that change: no network namespace can be made here: %v", err)
	}
}

// A network that is plugged in after the start is noticed and heard, one that is
// unplugged is noticed.
func TestListeningFollowsInterfaces(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED interfaces that change: it takes 15 s and root")
	}
	apart(t, func(in func(func())) {
		ctx, cancel := context.WithCancel(t.Context())
		heard, changed := make(chan Notice, 16), make(chan struct{}, 16)
		over := make(chan struct{})
		go func() {
			defer close(over)
			in(func() {
				Listen(ctx, "", []string{target}, func(n Notice) { heard <- n }, func() { changed <- struct{}{} })
			})
		}()
		ip := func(args string) {
			in(func() {
				if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
					t.Errorf("ip %s: %v: %s", args, err, out)
				}
			})
		}
		await := func(what string) {
			t.Helper()
			select {
			case <-changed:
			case <-time.After(2*recheck + 5*time.Second):
				t.Errorf("not noticed: %s", what)
			}
		}
		ip("link add va type veth peer name vb")
		ip("addr add 192.168.1.100/24 dev va")
		ip("link set vb up")
		ip("link set va up")
		await("a new network")
		in(func() { announce(t, "va") })
		select {
		case n := <-heard:
			if n.UDN != "uuid:Insight-1_0-231400" || n.At.Addr.String() != "192.168.1.100:49153" {
				t.Errorf("heard %+v", n)
			}
		case <-time.After(5 * time.Second):
			t.Error("nothing heard on the new network")
		}
		ip("link del va")
		await("a network that is gone")
		cancel()
		<-over
	})
}

func announce(t *testing.T, name string) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		t.Error(err)
		return
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(192, 168, 1, 100)})
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	p := ipv4.NewPacketConn(conn)
	if err := p.SetMulticastInterface(ifi); err != nil {
		t.Error(err)
	}
	if _, err := p.WriteTo([]byte(alive), nil, &group); err != nil {
		t.Error(err)
	}
}
