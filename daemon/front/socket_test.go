package front_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/front"
)

// parrot accepts a socket and repeats what it hears.
func parrot(conn *net.TCPConn, _ *http.Request) {
	agrees(conn, "")
	_, _ = io.Copy(conn, conn)
}

func TestSocketsAreForwardedOnAnyPath(t *testing.T) {
	for _, secure := range []bool{false, true} {
		f := newFront(t, front.Options{Broker: broker(t, parrot), BasePath: "/power"})
		s := server(t, f, secure)
		for _, path := range []string{"/", "/mqtt", "/power/mqtt", "/x/y?z", "/icon.svg"} {
			w := dial(t, s)
			res := w.upgrade(path)
			if res.StatusCode != 101 || res.Header.Get("Sec-WebSocket-Accept") != "accepted" || res.Header.Get("Sec-WebSocket-Protocol") != "mqtt" ||
				res.Header.Get("Upgrade") != "websocket" || res.Header.Get("Connection") != "Upgrade" {
				t.Fatalf("%s: %s %v", path, res.Status, res.Header)
			}
			for range 3 {
				w.say("hello")
				w.hear("hello")
			}
			_ = w.Close()
		}
		noSockets(t, f)
	}
}

func TestAPIHasNoSockets(t *testing.T) {
	f := newFront(t, front.Options{Broker: broker(t, parrot)})
	if e := wantEcho(t, dial(t, server(t, f, false)).upgrade("/api/v1/live")); e.Path != "/api/v1/live" {
		t.Errorf("%v", e)
	}
}

// What a visitor writes into his request is not the broker's business.
func TestBrokerHearsOnlyTheHandshake(t *testing.T) {
	heard := make(chan *http.Request, 1)
	b := broker(t, func(conn *net.TCPConn, r *http.Request) {
		heard <- r
		agrees(conn, "")
	})
	w := dial(t, server(t, newFront(t, front.Options{Broker: b}), false))
	w.upgrade("/secret?token=1", "Cookie: owner=1", "Authorization: Basic x", "Origin: http://here.example",
		"Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Protocol: chat, mqttv3.1, mqtt", "X-Forwarded-For: 1.1.1.1")
	r := <-heard
	names := slices.Sorted(maps.Keys(r.Header))
	if want := []string{"Connection", "Sec-Websocket-Key", "Sec-Websocket-Protocol", "Sec-Websocket-Version", "Upgrade"}; !slices.Equal(names, want) {
		t.Errorf("headers %v, want %v", names, want)
	}
	if r.Header.Get("Sec-WebSocket-Protocol") != "mqttv3.1" || r.Header.Get("Sec-WebSocket-Key") != "dGhlIHNhbXBsZSBub25jZQ==" || r.URL.String() != "/mqtt" {
		t.Errorf("%s %v", r.URL, r.Header)
	}
}

func TestWhatIsNoMQTTSocketIsToldWhy(t *testing.T) {
	f := newFront(t, front.Options{Broker: broker(t, parrot)})
	s := server(t, f, false)
	for edit, want := range map[string]struct {
		status int
		code   string
	}{
		"Sec-WebSocket-Protocol: ":            {400, "no-subprotocol"},
		"Sec-WebSocket-Protocol: chat":        {400, "no-subprotocol"},
		"Sec-WebSocket-Protocol: MQTT":        {400, "no-subprotocol"},
		"Sec-WebSocket-Version: 8":            {426, "websocket-version"},
		"Sec-WebSocket-Key: short":            {400, "websocket-key"},
		"Sec-WebSocket-Key: ":                 {400, "websocket-key"},
		"Sec-WebSocket-Key: c2hvcnQ=":         {400, "websocket-key"},
		"Content-Length: 5":                   {400, "websocket-body"},
		"Transfer-Encoding: chunked":          {400, "websocket-body"},
		"Origin: http://evil.example":         {403, "foreign-origin"},
		"Origin: null":                        {403, "foreign-origin"},
		"Origin: http://here.example.evil.ex": {403, "foreign-origin"},
	} {
		wantRefusal(t, dial(t, s).upgrade("/mqtt", edit), want.status, want.code)
	}
	if n := f.Stats(); n.Sockets != 0 || n.SocketsRefused != 12 {
		t.Errorf("%+v", n)
	}
	if res := dial(t, s).upgrade("/mqtt", "Origin: http://here.example"); res.StatusCode != 101 {
		t.Errorf("the page's own socket: %s", res.Status)
	}
	if text := body(t, dial(t, s).upgrade("/", "Connection: keep-alive")); !strings.Contains(text, "<title>page") {
		t.Errorf("no upgrade at all: %q", text)
	}
}

func TestBrokerThatIsOffIsSaid(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	for name, b := range map[string]func() string{
		"off":     func() string { return "" },
		"gone":    func() string { return gone.Addr().String() },
		"refuses": broker(t, func(conn *net.TCPConn, _ *http.Request) { _, _ = io.WriteString(conn, "HTTP/1.1 403 No\r\n\r\n") }),
		"cuts":    broker(t, func(*net.TCPConn, *http.Request) {}),
		"babbles": broker(t, func(conn *net.TCPConn, _ *http.Request) { _, _ = io.WriteString(conn, strings.Repeat("x", 1<<20)) }),
		"long": broker(t, func(conn *net.TCPConn, _ *http.Request) {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 X\r\nSec-WebSocket-Accept: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")
		}),
		"hangs": broker(t, func(conn *net.TCPConn, _ *http.Request) { _, _ = io.Copy(io.Discard, conn) }),
	} {
		f := newFront(t, front.Options{Broker: b, Limits: front.Limits{Handshake: 50 * time.Millisecond}})
		res := dial(t, server(t, f, false)).upgrade("/mqtt")
		if res.Header.Get("Retry-After") != "5" {
			t.Errorf("%s: Retry-After %q", name, res.Header.Get("Retry-After"))
		}
		wantRefusal(t, res, http.StatusServiceUnavailable, "broker-off")
		noSockets(t, f)
	}
}

// A WebSocket may speak before it was answered, and the broker right behind its answer: nothing is lost.
func TestEarlyWordsArrive(t *testing.T) {
	b := broker(t, func(conn *net.TCPConn, _ *http.Request) {
		agrees(conn, "welcome")
		_, _ = io.Copy(conn, conn)
	})
	for _, secure := range []bool{false, true} {
		w := dial(t, server(t, newFront(t, front.Options{Broker: b}), secure))
		w.say(request("/") + "early")
		w.response()
		w.hear("welcome")
		w.hear("early")
	}
}

// Who has said everything still hears the rest.
func TestHalfAnEndIsPassedOn(t *testing.T) {
	b := broker(t, func(conn *net.TCPConn, _ *http.Request) {
		agrees(conn, "")
		said, _ := io.ReadAll(conn) // until the client's half has ended
		_, _ = io.WriteString(conn, "all of "+string(said))
	})
	for _, secure := range []bool{false, true} {
		f := newFront(t, front.Options{Broker: b})
		w := dial(t, server(t, f, secure))
		w.upgrade("/")
		w.say("it")
		if err := w.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		w.hear("all of it")
		w.hearEnd()
		noSockets(t, f)
		if n := f.Stats().Conns; n != 0 {
			t.Errorf("%d connections are still open", n)
		}
	}
}

func TestHalfAnEndIsSoonAWholeOne(t *testing.T) {
	b := broker(t, func(conn *net.TCPConn, _ *http.Request) {
		agrees(conn, "")
		_ = conn.CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	})
	f := newFront(t, front.Options{Broker: b, Limits: front.Limits{Linger: 50 * time.Millisecond}})
	w := dial(t, server(t, f, false))
	w.upgrade("/")
	w.hearEnd()
	noSockets(t, f) // although the client never ends its own half
}

// The broker must not wait for a client that reads nothing, and the server's own deadlines must not end a quiet one.
func TestClientThatReadsNothingIsCut(t *testing.T) {
	b := broker(t, func(conn *net.TCPConn, _ *http.Request) {
		agrees(conn, "")
		for chunk := make([]byte, 1<<16); ; {
			if _, err := conn.Write(chunk); err != nil {
				return
			}
		}
	})
	f := newFront(t, front.Options{Broker: b, Limits: front.Limits{Write: 50 * time.Millisecond}})
	w := dial(t, server(t, f, false))
	w.upgrade("/")
	noSockets(t, f)
}

func TestQuietSocketOutlivesTheServersDeadlines(t *testing.T) {
	f := newFront(t, front.Options{Broker: broker(t, parrot)})
	w := dial(t, server(t, f, false))
	w.upgrade("/")
	<-time.After(time.Second) // those of the server are 400 and 800 ms
	w.say("still")
	w.hear("still")
}

func TestCloseEndsSocketsAndNothingElse(t *testing.T) {
	hangs := make(chan struct{}, 1)
	b := broker(t, func(conn *net.TCPConn, r *http.Request) {
		if r.Header.Get("Sec-WebSocket-Protocol") == "mqtt" {
			parrot(conn, r)
			return
		}
		hangs <- struct{}{}
		_, _ = io.Copy(io.Discard, conn) // never answers
	})
	f := newFront(t, front.Options{Broker: b})
	s := server(t, f, true)
	open := dial(t, s)
	open.upgrade("/")
	for range 20 {
		dial(t, s).upgrade("/")
	}
	asking := dial(t, s)
	asking.ask("/", "Sec-WebSocket-Protocol: mqttv3.1")
	<-hangs
	if f.Close(); f.Stats().Sockets != 0 {
		t.Error("it returns before the last socket is gone")
	}
	open.hearEnd()
	wantRefusal(t, asking.response(), http.StatusServiceUnavailable, "broker-off")
	wantRefusal(t, dial(t, s).upgrade("/"), http.StatusServiceUnavailable, "closing")
	if e := wantEcho(t, ask(f, "GET", "/api/x")); e.Path != "/api/x" {
		t.Errorf("%v", e)
	}
}

func TestSocketsEndWithTheirListener(t *testing.T) {
	f := newFront(t, front.Options{Broker: broker(t, parrot)})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ends, stays := dial(t, server(t, front.While(ctx, f), false)), dial(t, server(t, f, false))
	ends.upgrade("/")
	stays.upgrade("/")
	cancel()
	ends.hearEnd()
	stays.say("still")
	stays.hear("still")
}

func TestSocketsHaveLimits(t *testing.T) {
	f := newFront(t, front.Options{Broker: broker(t, parrot), TrustedProxies: []string{"127.0.0.1"}, Limits: front.Limits{Sockets: 3, SocketsEach: 2}})
	s := server(t, f, false)
	first := dial(t, s)
	first.upgrade("/", "X-Forwarded-For: 198.51.100.1")
	dial(t, s).upgrade("/", "X-Forwarded-For: 198.51.100.1")
	wantRefusal(t, dial(t, s).upgrade("/", "X-Forwarded-For: 198.51.100.1"), http.StatusTooManyRequests, "too-many-sockets")
	if res := dial(t, s).upgrade("/", "X-Forwarded-For: 198.51.100.2"); res.StatusCode != 101 {
		t.Fatalf("somebody else: %s", res.Status)
	}
	res := dial(t, s).upgrade("/", "X-Forwarded-For: 198.51.100.3")
	if res.Header.Get("Retry-After") != "30" {
		t.Errorf("Retry-After %q", res.Header.Get("Retry-After"))
	}
	wantRefusal(t, res, http.StatusServiceUnavailable, "full")
	_ = first.Close()
	eventually(t, "a place to be free", func() bool { return f.Stats().Sockets == 2 })
	if res := dial(t, s).upgrade("/", "X-Forwarded-For: 198.51.100.1"); res.StatusCode != 101 {
		t.Errorf("in the place that was left: %s", res.Status)
	}
}

// A server that cannot give a connection away, as with HTTP/2, must not be mistaken for one that can.
func TestHTTP2HasNoSuchSockets(t *testing.T) {
	f := newFront(t, front.Options{Broker: broker(t, parrot)})
	res := ask(f, "GET", "/", "Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: mqtt") // a recorder cannot either
	wantRefusal(t, res, http.StatusInternalServerError, "internal")
	noSockets(t, f)
}

// A broker that is off fills no log, and a visitor who gives up is not the broker's fault.
func TestBrokersTroubleIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	address, hangs := "", make(chan struct{})
	slow := broker(t, func(conn *net.TCPConn, r *http.Request) {
		hangs <- struct{}{}
		_, _ = io.Copy(io.Discard, conn)
	})
	good := broker(t, parrot)
	f := newFront(t, front.Options{Broker: func() string { return address }, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Limits: front.Limits{Handshake: time.Hour}})
	s := server(t, f, false)
	try := func() { _ = dial(t, s).upgrade("/") }
	for range 3 {
		try()
	}
	address = good()
	for range 3 {
		try()
	}
	address = slow()
	w := dial(t, s)
	w.ask("/")
	<-hangs
	_ = w.Close()
	eventually(t, "the visitor's place to be free", func() bool { return f.Stats().Sockets <= 3 })
	f.Close()
	if off, on := strings.Count(log.String(), "takes no web sockets"), strings.Count(log.String(), "takes web sockets again"); off != 1 || on != 1 {
		t.Errorf("%d and %d lines:\n%s", off, on, log.String())
	}
}
