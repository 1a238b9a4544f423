package ssdp

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
)

// group is where SSDP devices listen.
var group = net.UDPAddr{IP: net.IPv4(239, 255, 255, 250), Port: 1900}

// searchDirect sends one search through ifi by its index, which needs no route,
// and collects answers until wait is over or ctx ends. Answers whose location
// is not the sender's address are dropped.
func searchDirect(ctx context.Context, ifi Interface, target string) ([]Answer, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ifi.Network.Addr(), 0)))
	if err != nil {
		return nil, fmt.Errorf("cannot search on %s: %w", ifi.Name, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()

	p := ipv4.NewPacketConn(conn)
	if err := p.SetMulticastInterface(&ifi.ifi); err != nil {
		return nil, fmt.Errorf("cannot search on %s: %w", ifi.Name, err)
	}
	p.SetMulticastLoopback(true) // on by default; without it only plugs on this machine would be missed
	m := fmt.Appendf(nil, "M-SEARCH * HTTP/1.1\r\nHOST: %s\r\nMAN: \"ssdp:discover\"\r\nMX: %d\r\nST: %s\r\n\r\n", &group, wait, target)
	if _, err := p.WriteTo(m, nil, &group); err != nil {
		return nil, fmt.Errorf("cannot search on %s: %w", ifi.Name, err)
	}
	return collect(conn, ifi), nil
}

func collect(conn *net.UDPConn, ifi Interface) []Answer {
	conn.SetReadDeadline(time.Now().Add(wait * time.Second))
	var out []Answer
	buf := make([]byte, 4096)
	for len(out) < maxAnswers {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			break // the time is over
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(append(buf[:n:n], "\r\n\r\n"...))), nil)
		if err != nil {
			continue
		}
		resp.Body.Close()
		a, err := Parse(resp.Header.Get("Location"), resp.Header.Get("Usn"), ifi.Network)
		if err == nil && a.At.Addr.Addr() == from.Addr().Unmap() {
			out = append(out, a)
		}
	}
	return out
}
