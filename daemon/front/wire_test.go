package front_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/front"
)

// soon is a deadline for what should happen at once.
const soon = 10 * time.Second

// broker listens like one, and hands each connection to do, after reading the request.
func broker(t testing.TB, do func(conn *net.TCPConn, r *http.Request)) func() string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(soon))
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err == nil {
					do(conn.(*net.TCPConn), r)
				}
			}()
		}
	}()
	return func() string { return l.Addr().String() }
}

// agrees accepts a socket as Mosquitto does, but for the proof that it read the key.
func agrees(conn io.Writer, behind string) {
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nconnection: upgrade\r\n"+
		"Sec-WebSocket-Accept: accepted\r\nSec-WebSocket-Protocol: mqtt\r\nServer: secret\r\n\r\n"+behind)
}

// server serves the handler over TCP, with TLS if told so, with the daemon's timeouts made shorter.
func server(t testing.TB, h http.Handler, secure bool) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	if f, ok := h.(*front.Front); ok {
		s.Listener = f.Listener(s.Listener)
	}
	s.Config.ReadHeaderTimeout, s.Config.MaxHeaderBytes = 300*time.Millisecond, 16<<10
	s.Config.ReadTimeout, s.Config.WriteTimeout = 400*time.Millisecond, 800*time.Millisecond
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// wire is a connection that speaks HTTP by hand.
type wire struct {
	net.Conn
	t  testing.TB
	in *bufio.Reader
}

func dial(t testing.TB, s *httptest.Server) wire {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err == nil && s.TLS != nil {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(soon))
	return wire{conn, t, bufio.NewReader(conn)}
}

// upgrade asks for a socket; edits replace or, with an empty value, remove headers.
func (w wire) upgrade(path string, edits ...string) *http.Response {
	w.t.Helper()
	w.ask(path, edits...)
	return w.response()
}

func (w wire) ask(path string, edits ...string) {
	w.t.Helper()
	w.say(request(path, edits...))
}

func request(path string, edits ...string) string {
	h := http.Header{"Host": {"here.example"}, "Upgrade": {"websocket"}, "Connection": {"keep-alive, Upgrade"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Protocol": {"mqtt"}}
	for _, e := range edits {
		name, value, _ := strings.Cut(e, ": ")
		if h.Del(name); value != "" {
			h.Set(name, value)
		}
	}
	var text strings.Builder
	_ = h.Write(&text)
	return fmt.Sprintf("GET %s HTTP/1.1\r\n%s\r\n", path, text.String())
}

func (w wire) response() *http.Response {
	w.t.Helper()
	res, err := http.ReadResponse(w.in, nil)
	if err != nil {
		w.t.Fatalf("no answer: %v", err)
	}
	return res
}

func (w wire) say(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		w.t.Fatalf("cannot write: %v", err)
	}
}

// hear reads exactly as much as is wanted.
func (w wire) hear(want string) {
	w.t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(w.in, got); err != nil || string(got) != want {
		w.t.Fatalf("heard %q (%v), want %q", got[:n], err, want)
	}
}

// hearEnd waits for the other side's end.
func (w wire) hearEnd() {
	w.t.Helper()
	rest, err := io.ReadAll(w.in)
	if e, ok := err.(net.Error); ok && e.Timeout() || len(rest) > 0 {
		w.t.Errorf("instead of the end: %q, %v", rest, err)
	}
}

// eventually polls what happens in other goroutines.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func noSockets(t testing.TB, f *front.Front) {
	t.Helper()
	eventually(t, "the sockets' places to be given back", func() bool { return f.Stats().Sockets == 0 })
}
