package rebasedtest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing/iotest"
	"time"
)

// API is one of the two ways in.
type API string

// The ways in.
const (
	GraphQL API = "graphql"
	JSONRPC API = "jsonrpc"
)

// Faults says how a way in misbehaves. The zero value behaves well.
type Faults struct {
	// Status is answered instead of 200, with RetryAfter as a header if it is not empty.
	Status     int
	RetryAfter string
	// Busy answers by JSON-RPC that there are too many requests, with id null.
	Busy bool
	// Delay comes before the answer.
	Delay time.Duration
	// Cut ends the connection after so many bytes of the body.
	Cut int
	// Body is answered instead of the truth.
	Body []byte
	// Error is answered as the service's own error.
	Error string
	// Chain is told instead of Chain.
	Chain string
	// Behind hides so many of the newest checkpoints.
	Behind uint64
	// Ahead is added to the number of the newest checkpoint.
	Ahead uint64
	// Pruned is the oldest checkpoint that is there.
	Pruned uint64
	// PageSize makes pages smaller than asked for.
	PageSize int
	// Scan makes pages end after so many transactions were looked at, perhaps with none listed.
	Scan int
	// Hide keeps transactions from being known.
	Hide func(digest string) bool
	// Loose shows transactions by JSON-RPC without their checkpoints.
	Loose bool
	// Tamper changes an answer before it is sent.
	Tamper func(answer []byte) []byte
}

// Exchange is a question and its answer, as they went over the wire.
type Exchange struct {
	API      API             `json:"api"`
	Request  json.RawMessage `json:"request"`
	Response json.RawMessage `json:"response"`
}

// maxExchanges bounds what is remembered.
const maxExchanges = 10_000

// Set replaces the faults of a way in.
func (s *Server) Set(api API, f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = maps.Clone(s.faults)
	s.faults[api] = f
}

// Script asks for the faults of each request anew; nil goes back to those that are set.
func (s *Server) Script(next func(API) Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = next
}

// Requests is how often a way in was asked.
func (s *Server) Requests(api API) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[api]
}

// Exchanges are the well-behaved exchanges so far.
func (s *Server) Exchanges() []Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Exchange(nil), s.exchanges...)
}

// maxRequest bounds a question, in bytes.
const maxRequest = 1 << 20

// serve answers through the faults of a way in. answer is called with the ledger locked.
func (s *Server) serve(api API, answer func(request []byte, f Faults) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		request, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			return
		}
		s.mu.Lock()
		s.requests[api]++
		f := s.faults[api]
		if s.script != nil {
			f = s.script(api)
		}
		s.mu.Unlock()
		if f.Delay > 0 {
			select {
			case <-time.After(f.Delay):
			case <-r.Context().Done():
				return
			}
		}
		s.mu.Lock()
		body, err := json.Marshal(answer(request, f))
		if f.Tamper != nil {
			body = f.Tamper(body)
		} else if len(s.exchanges) < maxExchanges && err == nil {
			s.exchanges = append(s.exchanges, Exchange{api, bytes.Clone(request), body})
		}
		s.mu.Unlock()
		f.write(w, api, body)
	}
}

// Client is an HTTP client that reaches the node without a socket, whatever host the URL names, so that tests in a bubble
// of testing/synctest may use it.
func (s *Server) Client() *http.Client { return &http.Client{Transport: direct{s.http.Handler}} }

// direct calls a handler.
type direct struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (d direct) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	defer func() {
		if recover() != nil {
			resp = w.Result()
			resp.Body = io.NopCloser(io.MultiReader(resp.Body, iotest.ErrReader(io.ErrUnexpectedEOF)))
		}
	}()
	d.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// write sends an answer, or what the faults make of it.
func (f Faults) write(w http.ResponseWriter, api API, body []byte) {
	switch {
	case f.Busy && api == JSONRPC:
		body = []byte(`{"jsonrpc":"2.0","error":{"code":-32604,"message":"Too many requests"},"id":null}`)
	case f.Error != "" && api == GraphQL:
		body, _ = json.Marshal(map[string]any{"data": nil, "errors": []any{map[string]any{"message": f.Error}}})
	case f.Body != nil:
		body = f.Body
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if f.Status != 0 {
		w.WriteHeader(f.Status)
	}
	if f.Cut > 0 && f.Cut < len(body) {
		w.Write(body[:f.Cut])
		panic(http.ErrAbortHandler)
	}
	w.Write(body)
}
