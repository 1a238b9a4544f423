package devicestest

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"sync"
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
		if target, ok := wanted(buf[:n]); ok {
			// A lost answer is like any lost datagram: the next search gets one.
			r.conn.WriteToUDPAddrPort(p.found(target), from)
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
func (p *Plug) found(target string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=86400\r\nEXT:\r\nLOCATION: http://%s/setup.xml\r\n"+
		"OPT: \"http://schemas.upnp.org/upnp/1/0/\"; ns=01\r\nSERVER: Unspecified, UPnP/1.0, Unspecified\r\nX-User-Agent: redsonic\r\nST: %s\r\nUSN: %s::%s\r\n\r\n",
		p.Addr(), target, p.UDN(), target)
}
