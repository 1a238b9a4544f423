package guard

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Limits of one request. A healthy plug answers within 0.1 s; one that needs
// longer than two seconds has nothing current to say.
const (
	ConnectTimeout = time.Second
	TotalTimeout   = 2 * time.Second
	maxHeader      = 8 << 10 // bytes of HTTP header
)

// NoAnswer is a request to which nothing was said: nobody is there, or not now.
type NoAnswer string

// Error words it for the owner of the plug.
func (n NoAnswer) Error() string { return string(n) }

const (
	refused NoAnswer = "the plug refuses connections"
	silent  NoAnswer = "the plug closed the connection without an answer"
	late    NoAnswer = "no answer within 2s" // TotalTimeout
)

// Request is what to ask. Nothing in it may come from the network unchecked: a
// line break in it would begin another header line.
type Request struct {
	Method string
	Path   string      // with its query, as sent
	Header [][2]string // further lines, spelt as given: plugs are particular about that
	Body   string
	Limit  int64 // bytes of the answer's body that are read at most
}

// StatusError is an answer whose HTTP status says that it is not the one that
// was asked for.
type StatusError int

// Error names the status.
func (s StatusError) Error() string { return fmt.Sprintf("the plug answered HTTP status %d", int(s)) }

// Do connects to addr, asks, and hands the answer to take, whose body ends at
// r.Limit. It returns within two seconds or with ctx; errors of the network are
// worded for the owner of the plug.
func Do(ctx context.Context, addr netip.AddrPort, r Request, take func(*http.Response) error) error {
	deadline := time.Now().Add(TotalTimeout)
	dialer := net.Dialer{Timeout: ConnectTimeout, KeepAlive: -1}
	conn, err := dialer.DialTCP(ctx, "tcp", netip.AddrPort{}, addr)
	if err != nil {
		return plain(err)
	}
	defer conn.Close()
	conn.SetDeadline(deadline) // fails only on a closed connection, as does the next line
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()

	if _, err := conn.Write(r.bytes(addr)); err != nil {
		return plain(err)
	}
	answer := bufio.NewReaderSize(io.LimitReader(conn, maxHeader+r.Limit), 2048)
	resp, err := http.ReadResponse(answer, &http.Request{Method: r.Method})
	if err != nil {
		return noHTTP(err, deadline)
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, r.Limit)
	return plain(take(resp))
}

// bytes is the request as it goes over the wire.
func (r Request) bytes(addr netip.AddrPort) []byte {
	var b strings.Builder
	b.Grow(512 + len(r.Body))
	b.WriteString(r.Method + " " + r.Path + " HTTP/1.1\r\nHOST: " + addr.String() + "\r\nCONNECTION: close\r\n")
	for _, h := range r.Header {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	if r.Method == http.MethodPost {
		b.WriteString("CONTENT-LENGTH: " + strconv.Itoa(len(r.Body)) + "\r\n")
	}
	b.WriteString("\r\n" + r.Body)
	return []byte(b.String())
}

// noHTTP says why the beginning of an answer could not be read. The library's
// error is not passed on: it quotes what was sent, however long, and takes what a
// slow plug had not yet sent for a mistake.
func noHTTP(err error, deadline time.Time) error {
	err = plain(err)
	switch {
	case !time.Now().Before(deadline):
		return late
	case errors.Is(err, silent):
		return err
	}
	return errors.New("the plug's answer is not HTTP")
}

// plain says in the owner's words what went wrong on the network, and passes
// every other error.
func plain(err error) error {
	var ne net.Error
	var long *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ne) && ne.Timeout():
		return late
	case errors.Is(err, syscall.ECONNREFUSED):
		return refused
	case errors.As(err, &long):
		return fmt.Errorf("the plug's answer is longer than %d bytes", long.Limit)
	case err == io.EOF, err == io.ErrUnexpectedEOF, errors.Is(err, syscall.ECONNRESET):
		return silent
	}
	return err
}
