package front_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/daemon/front"
)

func TestPanicCostsOneRequest(t *testing.T) {
	var log bytes.Buffer
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/at-once":
			w.Header().Set("Content-Encoding", "br")
			panic("a mistake")
		case "/api/half":
			_, _ = io.WriteString(w, "half of it")
			_ = http.NewResponseController(w).Flush()
			panic("a mistake")
		}
		echo(w, r)
	})
	f := newFront(t, front.Options{API: api, Log: slog.New(slog.NewTextHandler(&log, nil))})
	s := server(t, f, false)
	res, err := http.Get(s.URL + "/api/at-once")
	if err != nil {
		t.Fatal(err)
	}
	if res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Content-Encoding") != "" {
		t.Errorf("the answer to a failure has the headers %v", res.Header)
	}
	wantRefusal(t, res, http.StatusInternalServerError, "internal")
	if res, err = http.Get(s.URL + "/api/half"); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("half an answer looks whole: %q", text)
	}
	if res, err = http.Get(s.URL + "/api/x"); err != nil {
		t.Fatal(err)
	}
	wantEcho(t, res)
	if n := strings.Count(log.String(), "a mistake"); n != 2 {
		t.Errorf("logged %d times, want 2: %s", n, log.String())
	}
}

func TestHeaderThatNeverEndsIsCut(t *testing.T) {
	w := dial(t, server(t, newFront(t, front.Options{}), false))
	w.say("GET / HTTP/1.1\r\nHost: x\r\nX-")
	res := w.response()
	if body(t, res); res.StatusCode != http.StatusBadRequest {
		t.Errorf("%s", res.Status)
	}
	w.hearEnd()
}

func TestHugeHeaderIsRefused(t *testing.T) {
	s := server(t, newFront(t, front.Options{}), false)
	w := dial(t, s)
	go func() {
		_, _ = io.WriteString(w, "GET / HTTP/1.1\r\nHost: x\r\nX-A: "+strings.Repeat("a", 1<<20)+"\r\n\r\n")
	}()
	if res := w.response(); res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%s", res.Status)
	}
	res, err := http.Get(s.URL + "/api/x")
	if err != nil {
		t.Fatal(err)
	}
	wantEcho(t, res)
}

// Connections that say nothing take no more than their places.
func TestIdlersDoNotKeepOthersOut(t *testing.T) {
	f := newFront(t, front.Options{Limits: front.Limits{ConnsEach: 5, Conns: 7}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: f}
	go func() { _ = srv.Serve(f.Listener(l)) }()
	t.Cleanup(func() { _ = srv.Close() })
	served := func(from string) error {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true,
			DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext}}
		res, err := client.Get("http://" + l.Addr().String() + "/api/x")
		if err != nil {
			return err
		}
		defer res.Body.Close()
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	var idle []net.Conn
	hold := func(n int, from string) {
		t.Helper()
		for range n {
			conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			idle = append(idle, conn)
		}
	}
	hold(5, "127.0.0.1")
	if err := served("127.0.0.1"); err == nil {
		t.Error("the idler himself is served beyond his limit")
	}
	if err := served("127.0.0.2"); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	eventually(t, "the place of the served to be free", func() bool { return f.Stats().Conns == 5 })
	hold(2, "127.0.0.3")
	if err := served("127.0.0.2"); err == nil {
		t.Error("more connections than the limit for all")
	}
	for _, conn := range idle {
		_ = conn.Close()
	}
	eventually(t, "the places to be free again", func() bool { return served("127.0.0.1") == nil })
}
