package front

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// visitorKey is the key of a request's visitor in its context.
type visitorKey struct{}

// visitor is who asks, as far as trusted proxies can tell.
type visitor struct {
	addr   netip.Addr // without zone, never an IPv4 address inside an IPv6 one; invalid: a unix socket
	secure bool
}

// key is what limits are counted by: a network of IPv6 gives its owner 2^64 addresses.
func (v visitor) key() netip.Prefix {
	bits := 64
	if v.addr.Is4() {
		bits = 32
	}
	p, err := v.addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// ClientAddr is the IP address of the visitor, also behind trusted proxies; "unix" for a unix socket. Without a Front
// around the handler it is the peer's.
func ClientAddr(r *http.Request) string {
	if v := visitorIn(r); v.addr.IsValid() {
		return v.addr.String()
	}
	return "unix"
}

// ClientKey is what to count a visitor by: his IPv4 address, or the /64 network of his IPv6 address.
func ClientKey(r *http.Request) string {
	v := visitorIn(r)
	if v.addr.Is6() {
		return v.key().String()
	}
	return ClientAddr(r)
}

// Secure tells whether the visitor came over TLS, to us or to a trusted proxy.
func Secure(r *http.Request) bool { return visitorIn(r).secure }

func visitorIn(r *http.Request) visitor {
	if v, ok := r.Context().Value(visitorKey{}).(visitor); ok {
		return v
	}
	return trusted{}.visitorOf(r)
}

// trusted are the peers whose X-Forwarded headers count.
type trusted struct {
	nets []netip.Prefix
	unix bool
}

func parseTrusted(texts []string) (trusted, error) {
	var t trusted
	for _, text := range texts {
		if text == "unix" {
			t.unix = true
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(text); err == nil {
				p = netip.PrefixFrom(plain(a), plain(a).BitLen())
			}
		}
		if err != nil {
			return trusted{}, fmt.Errorf("cannot trust the proxy %q (write an IP address like 127.0.0.1 or a network like 10.0.0.0/8)", text)
		}
		t.nets = append(t.nets, p.Masked())
	}
	return t, nil
}

func (t trusted) has(a netip.Addr) bool {
	if !a.IsValid() {
		return t.unix
	}
	for _, p := range t.nets {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func (t trusted) visitorOf(r *http.Request) visitor {
	peer := peerAddr(r.RemoteAddr)
	v := visitor{addr: peer, secure: r.TLS != nil}
	if !t.has(peer) {
		return v
	}
	v.addr = t.forwarded(peer, r.Header.Values("X-Forwarded-For"))
	// Of several, the last was written by the proxy that we know.
	if protos := r.Header.Values("X-Forwarded-Proto"); len(protos) > 0 {
		last := protos[len(protos)-1]
		last = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
		v.secure = strings.EqualFold(last, "https") || strings.EqualFold(last, "wss")
	}
	return v
}

// maxHops bounds how many entries of X-Forwarded-For are looked at. Who really has more proxies than that trusts too many.
const maxHops = 32

// forwarded is who spoke to the first of the trusted proxies that end at peer. Each proxy appends who spoke to it, so the
// list is read from its end, and what stands before the first address that is not trusted may be a lie.
func (t trusted) forwarded(peer netip.Addr, lines []string) netip.Addr {
	addr := peer
	hops := 0
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for more := true; more; hops++ {
			var entry string
			if at := strings.LastIndexByte(rest, ','); at >= 0 {
				rest, entry = rest[:at], rest[at+1:]
			} else {
				entry, more = rest, false
			}
			a, ok := parseHop(strings.TrimSpace(entry))
			if !ok || hops == maxHops {
				return addr
			}
			if addr = a; !t.has(a) {
				return addr
			}
		}
	}
	return addr
}

// parseHop reads an address as proxies write it: alone, or with a port.
func parseHop(text string) (netip.Addr, bool) {
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		text = inner[:len(inner)-1]
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		ap, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		a = ap.Addr()
	}
	if a.Zone() != "" {
		return netip.Addr{}, false // means something on one machine only
	}
	return plain(a), true
}

// peerAddr is invalid for what has no IP address.
func peerAddr(remote string) netip.Addr {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return plain(a)
}

func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
