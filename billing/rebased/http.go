package rebased

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// Bounds of one request.
const (
	requestTimeout = 15 * time.Second
	maxBody        = 4 << 20 // bytes; 50 transactions of 20 changes are about 300 KB
)

// endpoint is one URL of a node.
type endpoint struct {
	url    string
	name   string // for people: without credentials and query
	client *http.Client

	mu    sync.Mutex // guards what follows
	until time.Time  // before which the node wants to be left alone
	busy  string     // what it said then
}

// newEndpoint checks the URL of a node. key is the setting to name in the error.
func newEndpoint(key, text string, client *http.Client) (*endpoint, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("cannot use the %s: it is no http or https URL (such as https://graphql.example.net)", key)
	}
	c := http.Client{}
	if client != nil {
		c = *client
	}
	// A POST that is redirected arrives as a GET, or somewhere else than the owner said.
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &endpoint{url: text, name: (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String(), client: &c}, nil
}

// post sends a JSON document and returns the body of the answer, at most maxBody bytes.
func (e *endpoint) post(ctx context.Context, document any) ([]byte, error) {
	if err := e.resting(time.Now()); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("cannot ask node %s: it is no URL to ask", e.name)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, e.failed(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		return nil, e.rest(fmt.Sprintf("HTTP status %d", resp.StatusCode), resp.Header.Get("Retry-After"))
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("cannot read from node %s: it answers with HTTP status %d: %s (is the URL right, with its path?)", e.name, resp.StatusCode, clean(string(body)))
	case err != nil:
		return nil, e.failed(err)
	case len(body) > maxBody:
		return nil, e.wrong(fmt.Sprintf("its answer has more than %d bytes", maxBody))
	}
	return body, nil
}

// failed is an error of the transport, without the URL, in which there may be a key.
func (e *endpoint) failed(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return fmt.Errorf("cannot reach node %s: %w (is it up?)", e.name, err)
}

// wrong is an error about an answer that cannot be.
func (e *endpoint) wrong(what string) error {
	return fmt.Errorf("cannot understand node %s: %s (is this the right kind of node?)", e.name, what)
}

// rest notes that the node wants to be left alone, for as long as the header Retry-After says.
func (e *endpoint) rest(reason, retryAfter string) error {
	now := time.Now()
	wait := min(max(0, retryIn(retryAfter, now)), MaxWait)
	e.mu.Lock()
	defer e.mu.Unlock()
	if until := now.Add(wait); wait > 0 && until.After(e.until) {
		e.until, e.busy = until, reason
	}
	return &BusyError{Node: e.name, Reason: reason, Wait: wait}
}

// resting returns the error of a node that wants to be left alone until later than now.
func (e *endpoint) resting(now time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if wait := e.until.Sub(now); wait > 0 {
		return &BusyError{Node: e.name, Reason: e.busy, Wait: wait}
	}
	return nil
}

// retryIn reads a Retry-After header: seconds or a date; 0 if there is none.
func retryIn(header string, now time.Time) time.Duration {
	if s, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return at.Sub(now)
	}
	return 0
}
