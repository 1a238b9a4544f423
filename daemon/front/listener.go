package front

import (
	"net"
	"net/netip"
	"sync"
)

// Listener is l, closing at once what goes beyond the limits of connections. TLS belongs around it, so that an unfinished
// handshake counts. One front counts all its listeners together. Trusted proxies may have any number of connections up to
// the limit for all.
func (f *Front) Listener(l net.Listener) net.Listener { return &counted{l, f} }

type counted struct {
	net.Listener
	f *Front
}

func (l *counted) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		addr := peerAddr(conn.RemoteAddr().String())
		who := visitor{addr: addr}.key()
		if l.f.conns.take(who, l.f.trusted.has(addr)) == taken {
			return &countedConn{Conn: conn, who: who, conns: l.f.conns}, nil
		}
		_ = conn.Close()
	}
}

type countedConn struct {
	net.Conn
	who   netip.Prefix
	conns *counter
	once  sync.Once
}

// Close gives the place back.
func (c *countedConn) Close() error {
	c.once.Do(func() { c.conns.give(c.who) })
	return c.Conn.Close()
}

// CloseWrite ends one direction, where the connection can do that.
func (c *countedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}
