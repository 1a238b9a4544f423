package devicestest

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"golang.org/x/net/ipv4"
)

// responder answers searches for one plug.
type responder struct {
	conn *net.UDPConn
	wg   sync.WaitGroup
}

// respond joins the group on the plug's interface. The socket is shared: every
// plug on this machine, also in other processes, hears every search.
func respond(p *Plug) (*responder, error) {
	group := &net.UDPAddr{IP: net.IPv4(239, 255, 255, 250), Port: 1900}
	conn, err := net.ListenMulticastUDP("udp4", p.ifi, group)
	if err != nil {
		return nil, fmt.Errorf("cannot answer searches: %w (another program may hold UDP port 1900 for itself alone)", err)
	}
	r := &responder{conn: conn}
	r.wg.Go(func() { r.run(p) })
	return r, nil
}

func (r *responder) close() error {
	err := r.conn.Close()
	r.wg.Wait()
	return err
}

// run answers until the connection is closed. Searches from other networks
// than the plug's arrive here too and are none of its business.
func (r *responder) run(p *Plug) {
	buf := make([]byte, 2048)
	for {
		n, from, err := r.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if !p.own.Masked().Contains(from.Addr().Unmap()) {
			continue
		}
		p.mu.Lock()
		fault := p.fault
		p.mu.Unlock()
		if target, ok := wanted(buf[:n]); ok && !fault.Deaf {
			// A lost answer is like any lost datagram: the next search gets one.
			r.conn.WriteToUDPAddrPort(p.found(target, fault), from)
		}
	}
}

// wanted returns the target of a search that an Insight answers. "ssdp:all" is
// not among them: real ones ignore it.
func wanted(datagram []byte) (target string, ok bool) {
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(datagram)))
	if err != nil || req.Method != "M-SEARCH" || req.Header.Get("MAN") != `"ssdp:discover"` {
		return "", false
	}
	switch st := req.Header.Get("ST"); st {
	case "upnp:rootdevice", "urn:Belkin:device:insight:1", "urn:Belkin:service:basicevent:1":
		return st, true
	}
	return "", false
}

// found is the answer to a search for target.
func (p *Plug) found(target string, f Fault) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=86400\r\nEXT:\r\nLOCATION: %s\r\n"+
		"OPT: \"http://schemas.upnp.org/upnp/1/0/\"; ns=01\r\nSERVER: Unspecified, UPnP/1.0, Unspecified\r\nX-User-Agent: redsonic\r\nST: %s\r\nUSN: %s::%s\r\n\r\n",
		p.location(f), target, p.UDN(), target)
}

func (p *Plug) location(f Fault) string {
	return cmp.Or(f.Location, fmt.Sprintf("http://%s/setup.xml", p.Addr()))
}

// Announce multicasts that the plug is there or, with bye, that it leaves; real
// plugs do either when they please.
func (p *Plug) Announce(bye bool) error {
	p.mu.Lock()
	fault := p.fault
	p.mu.Unlock()
	nts := "ssdp:alive"
	if bye {
		nts = "ssdp:byebye"
	}
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.own.Addr(), 0)))
	if err != nil {
		return fmt.Errorf("cannot announce: %w", err)
	}
	defer conn.Close()
	out := ipv4.NewPacketConn(conn)
	if err := out.SetMulticastInterface(p.ifi); err != nil {
		return fmt.Errorf("cannot announce: %w", err)
	}
	for _, target := range []string{"upnp:rootdevice", "urn:Belkin:device:insight:1", "urn:Belkin:service:basicevent:1"} {
		m := fmt.Appendf(nil, "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age=86400\r\nLOCATION: %s\r\n"+
			"SERVER: Unspecified, UPnP/1.0, Unspecified\r\nNTS: %s\r\nNT: %s\r\nUSN: %s::%s\r\n\r\n", p.location(fault), nts, target, p.UDN(), target)
		if _, err := out.WriteTo(m, nil, &net.UDPAddr{IP: net.IPv4(239, 255, 255, 250), Port: 1900}); err != nil {
			return fmt.Errorf("cannot announce: %w", err)
		}
	}
	return nil
}
