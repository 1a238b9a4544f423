package stardusttest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Proxy stands before a node and changes what it says. All methods may be called at the same time.
type Proxy struct {
	// URL to use instead of the node's.
	URL string

	mu     sync.Mutex // guards what follows
	target string
	fault  Fault
	asked  int
}

// Fault changes an answer before it is passed on.
type Fault func(r *http.Request, a *Answer)

// Answer is what the node says; Status 0 if it cannot be reached.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Drop closes the connection without an answer, Cut after half of the body.
	Drop, Cut bool
	// Delay keeps it back.
	Delay time.Duration
}

// NewProxy starts a proxy before the node at target, until the test ends.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	p := &Proxy{target: target}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

// Set makes the proxy faulty; nil makes it honest again.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// Point turns to another node behind the same URL.
func (p *Proxy) Point(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Asked is how many questions have come.
func (p *Proxy) Asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	target, fault := p.target, p.fault
	p.asked++
	p.mu.Unlock()
	a := ask(target, r)
	if fault != nil {
		fault(r, &a)
	}
	select {
	case <-time.After(a.Delay):
	case <-r.Context().Done():
		return
	}
	if a.Drop || a.Status == 0 {
		panic(http.ErrAbortHandler) // closes the connection
	}
	for _, name := range []string{"Content-Type", "Location", "Retry-After"} {
		if v := a.Header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	if a.Cut {
		w.WriteHeader(a.Status)
		w.Write(a.Body[:len(a.Body)/2])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(a.Status)
	w.Write(a.Body)
}

// ask passes a question on to the node.
func ask(target string, r *http.Request) Answer {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return Answer{}
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return Answer{}
	}
	for _, name := range []string{"Accept", "Content-Type"} {
		if v := r.Header.Get(name); v != "" {
			req.Header.Set(name, v)
		}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return Answer{Header: http.Header{}}
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return Answer{Header: http.Header{}}
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: raw}
}

// On limits a fault to questions whose path contains part.
func On(part string, f Fault) Fault {
	return func(r *http.Request, a *Answer) {
		if strings.Contains(r.URL.Path, part) {
			f(r, a)
		}
	}
}

// Times limits a fault to the first n questions that it would meet.
func Times(n int, f Fault) Fault {
	var mu sync.Mutex
	return func(r *http.Request, a *Answer) {
		mu.Lock()
		n--
		still := n >= 0
		mu.Unlock()
		if still {
			f(r, a)
		}
	}
}

// Status answers with a status instead, and the node's way to say why.
func Status(status int) Fault {
	return func(_ *http.Request, a *Answer) {
		a.Status, a.Body = status, []byte(`{"error":{"code":"fault","message":"injected"}}`)
	}
}
