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
	"strings"
	"testing"
	"time"
)

// answer serves one connection by hand and returns its address.
func answer(t *testing.T, do func(net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			do(conn)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func ask(ctx context.Context, addr netip.AddrPort) (status int, body string, err error) {
	err = Do(ctx, addr, Request{Method: http.MethodGet, Path: "/setup.xml", Limit: 1 << 10}, func(r *http.Response) error {
		status = r.StatusCode
		b, err := io.ReadAll(r.Body)
		body = string(b)
		return err
	})
	return status, body, err
}

func TestHostileAnswersEndInTimeAndInBounds(t *testing.T) {
	forever := func(conn net.Conn, piece string, pause time.Duration) {
		for {
			if _, err := io.WriteString(conn, piece); err != nil {
				return
			}
			<-time.After(pause)
		}
	}
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, tt := range map[string]struct {
		do   func(net.Conn)
		want string // in the error
	}{
		"huge body":    {func(c net.Conn) { io.WriteString(c, ok+"\r\n"+strings.Repeat("x", 1<<20)) }, "longer than 1024 bytes"},
		"endless body": {func(c net.Conn) { io.WriteString(c, ok+"\r\n"); forever(c, strings.Repeat("x", 4096), 0) }, "longer than 1024 bytes"},
		"endless chunks": {func(c net.Conn) {
			io.WriteString(c, ok+"Transfer-Encoding: chunked\r\n\r\n")
			forever(c, "1\r\nx\r\n", 0)
		}, "longer than 1024 bytes"},
		"endless header": {func(c net.Conn) { io.WriteString(c, ok); forever(c, "X-A: b\r\n", 0) }, "not HTTP"},
		"endless line":   {func(c net.Conn) { forever(c, "HTTP", 0) }, "not HTTP"},
		"slow body":      {func(c net.Conn) { io.WriteString(c, ok+"\r\n"); forever(c, "x", 50*time.Millisecond) }, "no answer within 2s"},
		"slow header":    {func(c net.Conn) { forever(c, "H", 50*time.Millisecond) }, "no answer within 2s"},
		"cut body":       {func(c net.Conn) { io.WriteString(c, ok+"Content-Length: 9\r\n\r\nx") }, "without an answer"},
		"silence":        {func(net.Conn) {}, "without an answer"},
		"two lengths":    {func(c net.Conn) { io.WriteString(c, ok+"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx") }, "not HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, body, err := ask(t.Context(), answer(t, tt.do))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%d bytes, %v; want an error about %q", len(body), err, tt.want)
			}
			if d := time.Since(began); d > 2*TotalTimeout { // twice: patience with a busy machine
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestNothingLeadsElsewhere(t *testing.T) {
	elsewhere := make(chan struct{}, 1)
	victim := answer(t, func(net.Conn) { elsewhere <- struct{}{} })
	t.Setenv("HTTP_PROXY", "http://"+victim.String())
	t.Setenv("http_proxy", "http://"+victim.String())
	addr := answer(t, func(c net.Conn) {
		fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nLocation: http://%s/\r\nContent-Length: 0\r\n\r\n", victim)
	})
	status, _, err := ask(t.Context(), addr)
	if status != http.StatusFound || err != nil {
		t.Errorf("status %d, %v: the redirect is an answer like any other", status, err)
	}
	select {
	case <-elsewhere:
		t.Error("another address was contacted")
	case <-time.After(100 * time.Millisecond):
	}
}

func TestARefusalIsWorded(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr).AddrPort()
	l.Close()
	if _, _, err := ask(t.Context(), addr); err == nil || err.Error() != "the plug refuses connections" {
		t.Error(err)
	}
}

func TestTheContextEndsARequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	addr := answer(t, func(c net.Conn) { cancel(); io.Copy(io.Discard, c) })
	began := time.Now()
	if _, _, err := ask(ctx, addr); err == nil {
		t.Error("it succeeded")
	}
	if d := time.Since(began); d > TotalTimeout/2 {
		t.Errorf("took %v", d)
	}
}

func TestErrorsOfTheTakerAreItsOwn(t *testing.T) {
	mine := errors.New("mine")
	addr := answer(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx") })
	err := Do(t.Context(), addr, Request{Method: http.MethodGet, Path: "/", Limit: 1}, func(*http.Response) error { return mine })
	if !errors.Is(err, mine) {
		t.Error(err)
	}
}
