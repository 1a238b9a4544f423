package devices

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Bounds of what a plug may send unasked.
const (
	maxEvent     = 16 << 10 // bytes of one event; recorded ones have 250
	maxVisitors  = 4        // connections of one plug at a time
	eventTimeout = 2 * time.Second
)

// receive opens a server for the events of the one plug at from, and returns its
// URL, whose path nobody can guess. It listens on this machine's own address in
// the plug's network, because a plug that is asked to send elsewhere was seen to
// refuse or to leave the Wi-Fi. Whatever does not come from the plug's address
// is closed unread; bodies end at 16 KiB; take returns whether it was an event.
func receive(from netip.Addr, take func(sid string, body io.Reader) error) (url string, stop func(), err error) {
	own, err := neighbour(from)
	if err != nil {
		return "", nil, err
	}
	l, err := net.Listen("tcp4", netip.AddrPortFrom(own, 0).String())
	if err != nil {
		return "", nil, fmt.Errorf("cannot receive events: %w", err)
	}
	path := "/" + rand.Text()
	srv := &http.Server{
		Handler:        mailbox{path, take},
		ReadTimeout:    eventTimeout,
		WriteTimeout:   eventTimeout,
		MaxHeaderBytes: 8 << 10,
	}
	srv.SetKeepAlivesEnabled(false)
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(&door{l, from, make(chan struct{}, maxVisitors)})
	}()
	stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), eventTimeout)
		defer cancel()
		if srv.Shutdown(ctx) != nil {
			srv.Close()
		}
		<-done
	}
	return "http://" + l.Addr().String() + path, stop, nil
}

// neighbour returns this machine's own address in the network of addr.
func neighbour(addr netip.Addr) (netip.Addr, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("cannot receive events: %w", err)
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Masked().Contains(addr) {
			return p.Addr(), nil
		}
	}
	return netip.Addr{}, fmt.Errorf("cannot receive events: the plug is in another network than this machine")
}

// mailbox takes events at one path.
type mailbox struct {
	path string
	take func(sid string, body io.Reader) error
}

// ServeHTTP answers an event with 200, everything else alike with 404.
func (m mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != "NOTIFY" || r.URL.Path != m.path || m.take(r.Header.Get("SID"), http.MaxBytesReader(w, r.Body, maxEvent)) != nil {
		w.WriteHeader(http.StatusNotFound)
	}
}

// door lets in connections from one address, some at a time.
type door struct {
	net.Listener
	from netip.Addr
	room chan struct{}
}

// Accept returns the next connection that may come in; others are closed.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok && tcp.AddrPort().Addr().Unmap() == d.from {
			select {
			case d.room <- struct{}{}:
				return &visitor{Conn: conn, room: d.room}, nil
			default:
			}
		}
		conn.Close()
	}
}

// visitor is a connection that makes room when it is closed, once.
type visitor struct {
	net.Conn
	room  <-chan struct{}
	leave sync.Once
}

// Close closes the connection and makes room.
func (v *visitor) Close() error {
	defer v.leave.Do(func() { <-v.room })
	return v.Conn.Close()
}
