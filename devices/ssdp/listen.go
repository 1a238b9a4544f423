package ssdp

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
)

// recheck is how often the list of interfaces is looked at. Reading it costs
// tens of microseconds; a network that was plugged in is searched 5 s later.
const recheck = 5 * time.Second

// Notice is what a device says about itself unasked: a claim like an answer,
// and as easily forged.
type Notice struct {
	Answer
	Bye bool // it says that it leaves; At is not told then
}

// Listen hands to hear what devices of the given targets say unasked on the
// interface called name ("" = all usable ones), until ctx ends. It follows
// interfaces that come, go or change their address, and calls changed each
// time. hear and changed are called from several goroutines and must return at
// once. An interface on which it cannot listen is left out until it changes:
// notices make finding faster, searches find.
//
// The library's monitor is not used: it cannot be kept to an interface, never
// notices a new one and starts a goroutine for each datagram.
func Listen(ctx context.Context, name string, targets []string, hear func(Notice), changed func()) {
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	var now []Interface
	for first, stop := true, func() {}; ; first = false {
		before := now
		now, _ = Interfaces(name) // none is what it says when there is none
		if first || !slices.EqualFunc(before, now, Interface.same) {
			stop()
			stop = listenOn(ctx, now, targets, hear)
			if !first {
				changed()
			}
		}
		select {
		case <-ctx.Done():
			stop()
			return
		case <-tick.C:
		}
	}
}

// same reports whether two interfaces are searched and heard alike.
func (i Interface) same(o Interface) bool {
	return i.Name == o.Name && i.Network == o.Network && i.ifi.Index == o.ifi.Index
}

// listenOn starts to listen on each interface; stop ends that and waits.
func listenOn(ctx context.Context, ifs []Interface, targets []string, hear func(Notice)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for _, ifi := range ifs {
		conn, err := net.ListenMulticastUDP("udp4", &ifi.ifi, &group)
		if err != nil {
			continue
		}
		wg.Go(func() {
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			listen(conn, ifi, targets, hear)
		})
	}
	return func() { cancel(); wg.Wait() }
}

func listen(conn *net.UDPConn, ifi Interface, targets []string, hear func(Notice)) {
	buf := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if notice, err := parseNotice(buf[:n], from.Addr().Unmap(), ifi.Network, targets); err == nil {
			hear(notice)
		}
	}
}

// parseNotice checks a datagram from the sender from. What it announces must
// live where it was sent from, in network.
func parseNotice(datagram []byte, from netip.Addr, network netip.Prefix, targets []string) (Notice, error) {
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(append(datagram[:len(datagram):len(datagram)], "\r\n\r\n"...))))
	if err != nil {
		return Notice{}, fmt.Errorf("cannot use notice: %w", err)
	}
	if req.Method != "NOTIFY" || !slices.Contains(targets, req.Header.Get("Nt")) {
		return Notice{}, fmt.Errorf("cannot use notice: not about a plug")
	}
	if !network.Masked().Contains(from) {
		return Notice{}, fmt.Errorf("cannot use notice: %s is not in the network %s", from, network.Masked())
	}
	usn := req.Header.Get("Usn")
	switch req.Header.Get("Nts") {
	case "ssdp:byebye":
		udn, _, _ := strings.Cut(usn, "::")
		if !udnForm.MatchString(udn) {
			return Notice{}, fmt.Errorf("cannot use notice: malformed USN %q", driver.Clean(usn))
		}
		return Notice{Answer: Answer{UDN: udn}, Bye: true}, nil
	case "ssdp:alive":
		a, err := Parse(req.Header.Get("Location"), usn, network)
		if err == nil && a.At.Addr.Addr() != from {
			err = fmt.Errorf("cannot use notice: %s announces the location %s", from, a.At.Addr)
		}
		return Notice{Answer: a}, err
	}
	return Notice{}, fmt.Errorf("cannot use notice: neither alive nor byebye")
}
