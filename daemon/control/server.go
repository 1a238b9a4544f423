package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/wattgate/wattgate/daemon/serve"
)

// maxBody bounds a request's body; the largest, a configuration document, is 64 KiB.
const maxBody = 80 << 10

// maxSocketPath is what a unix socket's address holds on Linux (108 bytes with the closing NUL).
const maxSocketPath = 107

// Access is who may call a route.
type Access uint8

// The two levels of access.
const (
	Owner  Access = iota // root and the gateway's own user
	Anyone               // every local user
)

// Route is one row of the table that is the control API.
type Route struct {
	Pattern string // as http.ServeMux takes it
	Access  Access
	// Exactly one of the three is set. Call gets the request's body (nil for GET) and returns the document to answer with.
	Call func(ctx context.Context, body []byte) (any, error)
	// Send writes an answer of any length; an error before the first byte is answered as Call's is, a later one cuts the
	// connection.
	Send func(ctx context.Context, w io.Writer) error
	// Take reads a body of any length and returns the document to answer with.
	Take func(ctx context.Context, in io.Reader) (any, error)
}

// Serve listens on the socket at path and answers with routes until ctx ends. It replaces a socket left behind by a
// gateway that died, and refuses to take one from a gateway that lives.
func Serve(ctx context.Context, path string, routes []Route, log *slog.Logger) error {
	l, err := listen(path)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.HandleFunc(r.Pattern, handler(r))
	}
	srv := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      60 * time.Second,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, peerOf(c))
		},
	}
	if err := serve.Until(ctx, srv, l); err != nil {
		return fmt.Errorf("cannot serve the control socket %s: %w", path, err)
	}
	return nil
}

func listen(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("cannot make the control socket: its path %s has %d characters and a unix socket's may have %d (choose a shorter --runtime directory)", path, len(path), maxSocketPath)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		return nil, fmt.Errorf("cannot make the runtime directory: %w", err)
	}
	// Only a refused connection says that nobody listens: a busy gateway's queue may be full.
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = c.Close()
	}
	if err == nil || !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot start: another gateway already answers at %s (stop it, or give this one its own --state and --runtime)", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot replace the control socket a dead gateway left behind: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("cannot make the control socket: %w", err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("cannot open the control socket to other users: %w", err)
	}
	return l, nil
}

// peerKey is the context key under which a connection's peer is kept.
type peerKey struct{}

// peer is who sits at the other end of a connection.
type peer struct {
	uid   int
	known bool
}

func (p peer) may(a Access) bool {
	return a == Anyone || p.known && (p.uid == 0 || p.uid == os.Geteuid())
}

func handler(r Route) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		p, _ := req.Context().Value(peerKey{}).(peer)
		if !p.may(r.Access) {
			writeError(w, http.StatusForbidden, &Error{
				Code:    "not-owner",
				Message: "only root and the gateway's own user may do this",
				Fix:     "run it with sudo",
			})
			return
		}
		switch {
		case r.Send != nil:
			send(w, req, r)
		case r.Take != nil:
			// Its own user or root sends it: it may take as long as it takes.
			_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
			doc, err := r.Take(req.Context(), req.Body)
			answer(w, doc, err)
		default:
			body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
			if err != nil {
				writeError(w, http.StatusRequestEntityTooLarge, &Error{Code: "too-large", Message: fmt.Sprintf("the request is larger than %d bytes", maxBody)})
				return
			}
			doc, err := r.Call(req.Context(), body)
			answer(w, doc, err)
		}
	}
}

func send(w http.ResponseWriter, req *http.Request, r Route) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	w.Header().Set("Content-Type", "application/octet-stream")
	out := &counter{w: w}
	switch err := r.Send(req.Context(), out); {
	case err == nil:
	case out.begun:
		panic(http.ErrAbortHandler) // whoever reads must not take half for the whole
	default:
		answer(w, nil, err)
	}
}

// counter knows whether anything was written.
type counter struct {
	w     io.Writer
	begun bool
}

func (c *counter) Write(p []byte) (int, error) {
	c.begun = true
	return c.w.Write(p)
}

func answer(w http.ResponseWriter, doc any, err error) {
	if err == nil {
		writeJSON(w, http.StatusOK, doc)
		return
	}
	if e, ok := errors.AsType[*Error](err); ok {
		writeError(w, http.StatusBadRequest, e)
		return
	}
	writeError(w, http.StatusBadRequest, &Error{Code: "failed", Message: err.Error()})
}

func writeJSON(w http.ResponseWriter, code int, doc any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(doc)
}

func writeError(w http.ResponseWriter, code int, e *Error) {
	writeJSON(w, code, Envelope{Error: e})
}

// Decode reads a request's body into v and names what is wrong with it.
func Decode(body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return &Error{Code: "bad-request", Message: "cannot read the request: " + err.Error()}
	}
	return nil
}
