package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// echo is what the tests' routes answer with.
type echo struct {
	Got int `json:"got"` // length of the body
}

func echoRoutes() []Route {
	call := func(_ context.Context, body []byte) (any, error) { return echo{len(body)}, nil }
	return []Route{
		{Pattern: "GET /v1/status", Access: Anyone, Call: call},
		{Pattern: "POST /v1/change", Access: Owner, Call: call},
	}
}

// socketPath is the path of a socket that is not there yet, short enough whatever TMPDIR is called.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "run", "control.sock")
}

// serve runs a server until the test ends, or until the function it returns is called, which gives Serve's result.
func serving(t *testing.T, path string, routes []Route) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, path, routes, slog.New(slog.DiscardHandler)) }()
	stopped := false
	stop = func() error {
		stopped = true
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(5 * time.Second):
			t.Fatal("Serve did not return")
			return nil
		}
	}
	t.Cleanup(func() {
		if !stopped {
			_ = stop()
		}
	})
	eventually(t, "the server to answer", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("Serve returned: %v", err)
		default:
		}
		c, err := net.Dial("unix", path)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return stop
}

// eventually polls what another goroutine or process does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestBothWays(t *testing.T) {
	path := socketPath(t)
	stop := serving(t, path, echoRoutes())
	var got echo
	if err := NewClient(path).Post(t.Context(), "/v1/change", NamePlug{Serial: "S", Name: "fridge"}, &got); err != nil {
		t.Fatal(err)
	}
	want, _ := json.Marshal(NamePlug{Serial: "S", Name: "fridge"})
	if got.Got != len(want) {
		t.Errorf("the route got %d bytes, want %d", got.Got, len(want))
	}
	if err := NewClient(path).Get(t.Context(), "/v1/status", &got); err != nil || got.Got != 0 {
		t.Errorf("GET: %v, body of %d bytes", err, got.Got)
	}
	if err := stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket lies about after a clean end")
	}
}

func TestModesLetEveryUserReachTheSocket(t *testing.T) {
	path := socketPath(t)
	serving(t, path, echoRoutes())
	for name, want := range map[string]os.FileMode{path: 0o666, filepath.Dir(path): 0o711} {
		eventually(t, "mode of "+name, func() bool {
			info, err := os.Stat(name)
			return err == nil && info.Mode().Perm() == want
		})
	}
}

func TestSocketOfDeadGatewayIsReplaced(t *testing.T) {
	path := socketPath(t)
	abandon(t, path)
	if err := NewClient(path).Get(t.Context(), "/v1/status", new(echo)); !errors.Is(err, ErrNotRunning) {
		t.Fatalf("before: %v, want ErrNotRunning", err)
	}
	serving(t, path, echoRoutes())
	if err := NewClient(path).Get(t.Context(), "/v1/status", new(echo)); err != nil {
		t.Error(err)
	}
}

// abandon leaves a socket at path that nobody listens on, as a killed gateway does.
func abandon(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestSocketOfLivingGatewayIsRefused(t *testing.T) {
	path := socketPath(t)
	serving(t, path, echoRoutes())
	err := Serve(t.Context(), path, echoRoutes(), slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "another gateway already answers at "+path) || !strings.Contains(err.Error(), "--state") {
		t.Fatalf("second Serve: %v", err)
	}
	if err := NewClient(path).Get(t.Context(), "/v1/status", new(echo)); err != nil {
		t.Errorf("the first gateway lost its socket: %v", err)
	}
}

func TestPathOfSocketIsBounded(t *testing.T) {
	base := filepath.Dir(filepath.Dir(socketPath(t)))
	fill := func(n int) string { return base + "/" + strings.Repeat("x", n-len(base)-1) }
	serving(t, fill(maxSocketPath), echoRoutes())
	err := Serve(t.Context(), fill(maxSocketPath+1), echoRoutes(), slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "--runtime") || !strings.Contains(err.Error(), "108 characters") {
		t.Errorf("a path one too long: %v", err)
	}
}

func TestRefusalsTravelWhole(t *testing.T) {
	path := socketPath(t)
	serving(t, path, []Route{
		{Pattern: "POST /v1/refused", Access: Owner, Call: func(context.Context, []byte) (any, error) {
			return nil, fmt.Errorf("layer: %w", &Error{Code: "username-taken", Message: "jane is taken", Fix: "choose another name"})
		}},
		{Pattern: "POST /v1/failed", Access: Owner, Call: func(context.Context, []byte) (any, error) {
			return nil, errors.New("cannot write the books: disk full")
		}},
		{Pattern: "POST /v1/decode", Access: Owner, Call: func(_ context.Context, body []byte) (any, error) {
			var v AddGrant
			return Done{}, Decode(body, &v)
		}},
	})
	for _, tt := range []struct {
		route string
		body  any
		want  Error
	}{
		{"/v1/refused", 1, Error{"username-taken", "jane is taken", "choose another name"}},
		{"/v1/failed", 1, Error{"failed", "cannot write the books: disk full", ""}},
		{"/v1/decode", map[string]string{"seconds": "many"}, Error{Code: "bad-request"}},
	} {
		err := NewClient(path).Post(t.Context(), tt.route, tt.body, new(Done))
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%s: %v is no *Error", tt.route, err)
			continue
		}
		if tt.want.Message == "" {
			tt.want.Message = e.Message
		}
		if *e != tt.want || e.Message == "" {
			t.Errorf("%s: %+v, want %+v", tt.route, *e, tt.want)
		}
	}
	if err := NewClient(path).Get(t.Context(), "/v1/nothing", new(Done)); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a route that is not there: %v", err)
	}
}

func TestFixStandsBelowTheMessage(t *testing.T) {
	if got := (&Error{Message: "cannot", Fix: "do"}).Error(); got != "cannot\n  do" {
		t.Errorf("%q", got)
	}
	if got := (&Error{Message: "cannot"}).Error(); got != "cannot" {
		t.Errorf("%q", got)
	}
}

func TestBodyIsBounded(t *testing.T) {
	path := socketPath(t)
	calls := make(chan int, 2)
	serving(t, path, []Route{{Pattern: "POST /v1/change", Access: Owner, Call: func(_ context.Context, body []byte) (any, error) {
		calls <- len(body)
		return Done{}, nil
	}}})
	post := func(n int) (int, Envelope) {
		t.Helper()
		res, err := httpClient(path).Post("http://gateway/v1/change", "application/json", bytes.NewReader(make([]byte, n)))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var env Envelope
		body, _ := io.ReadAll(res.Body)
		_ = json.Unmarshal(body, &env)
		return res.StatusCode, env
	}
	if code, _ := post(maxBody); code != http.StatusOK || <-calls != maxBody {
		t.Errorf("the largest body: %d", code)
	}
	code, env := post(maxBody + 1)
	if code != http.StatusRequestEntityTooLarge || env.Error == nil || env.Error.Code != "too-large" {
		t.Errorf("one byte more: %d %+v", code, env.Error)
	}
	if len(calls) != 0 {
		t.Error("the route was called with an oversize body")
	}
}

func httpClient(path string) *http.Client {
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
}

func TestNobodyThereIsErrNotRunning(t *testing.T) {
	path := socketPath(t)
	err := NewClient(path).Get(t.Context(), "/v1/status", new(echo))
	if !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "--state") {
		t.Errorf("%v: want ErrNotRunning with the path and the remedy", err)
	}
}

func TestAnswerOfAnotherVersionIsNamed(t *testing.T) {
	path := socketPath(t)
	serving(t, path, []Route{{Pattern: "GET /v1/status", Access: Anyone, Call: func(context.Context, []byte) (any, error) {
		return []string{"not", "an", "object"}, nil
	}}})
	err := NewClient(path).Get(t.Context(), "/v1/status", new(Status))
	if err == nil || errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "another version") {
		t.Errorf("%v", err)
	}
}

func TestAccessByUID(t *testing.T) {
	me := os.Geteuid()
	for _, tt := range []struct {
		who  string
		peer peer
		a    Access
		want bool
	}{
		{"root", peer{uid: 0, known: true}, Owner, true},
		{"the gateway's user", peer{uid: me, known: true}, Owner, true},
		{"another user", peer{uid: me + 1, known: true}, Owner, false},
		{"another user", peer{uid: me + 1, known: true}, Anyone, true},
		{"nobody knows who", peer{uid: 0}, Owner, false},
		{"nobody knows who", peer{uid: me}, Owner, false},
		{"nobody knows who", peer{}, Anyone, true},
	} {
		if got := tt.peer.may(tt.a); got != tt.want {
			t.Errorf("%s (%+v), level %d: %t", tt.who, tt.peer, tt.a, got)
		}
	}
}

func TestServing(t *testing.T) {
	for state, want := range map[string]bool{StateServing: true, StatePrivate: true, StateDegraded: true, StateWithheld: false} {
		if got := (Status{State: state}).Serving(); got != want {
			t.Errorf("%s: %t", state, got)
		}
	}
}
