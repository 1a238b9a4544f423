package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bounds of what a node may answer, in bytes.
const (
	// MaxAnswer suits everything but lists: a block is at most 32 KiB, its JSON some four times that.
	MaxAnswer = 1 << 20
	// MaxList suits the outputs of a milestone: about 100,000 of 72 bytes.
	MaxList = 8 << 20
	// maxMessage of an error is shown to the owner.
	maxMessage = 200
)

// timeout of one question. A node on the other side of the world answers in well under a second.
const timeout = 15 * time.Second

// Content types of the API.
const (
	typeJSON   = "application/json"
	typeBinary = "application/vnd.iota.serializer-v1"
)

// ErrAnswer is in the error of an answer that came but cannot be used: too long, cut off, or not what was asked for.
var ErrAnswer = errors.New("the node's answer cannot be used")

// StatusError is an answer with another status than success.
type StatusError struct {
	Path   string
	Status int
	// Message is the node's own, at most 200 bytes; whoever runs the node wrote it.
	Message string
	// RetryAfter is how long the node asks to be left alone, 0 if it says nothing.
	RetryAfter time.Duration
}

func (e *StatusError) Error() string {
	hint := "look at the node's log"
	switch {
	case e.Status == http.StatusTooManyRequests:
		hint = "it has too much to do; wattgate asks again later"
	case e.Status == http.StatusNotFound:
		hint = "is it a Stardust node, and has it the history?"
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden:
		hint = "make this route public on the node (restAPI.publicRoutes)"
	case e.Status >= 300 && e.Status < 400:
		hint = "set the node's URL to where it really is; redirects are not followed"
	}
	if e.Message != "" {
		return fmt.Sprintf("cannot ask the node for %s: it answered %d: %q (%s)", e.Path, e.Status, e.Message, hint)
	}
	return fmt.Sprintf("cannot ask the node for %s: it answered %d (%s)", e.Path, e.Status, hint)
}

// NotFound reports whether the node said that it does not have what was asked for.
func NotFound(err error) bool {
	status, ok := errors.AsType[*StatusError](err)
	return ok && status.Status == http.StatusNotFound
}

// Client asks one node. All methods may be called at the same time.
type Client struct {
	base string
	http *http.Client
}

// New makes a client for the node whose API is below the URL http[s]://host[:port][/path]. A nil http.Client is replaced by
// one with timeouts; redirects are never followed.
func New(rawURL string, client *http.Client) (*Client, error) {
	u, err := url.Parse(rawURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("cannot use the node's URL: it must be http://host:port or https://host, without anything after a ? or #")
	}
	own := http.Client{Timeout: timeout}
	if client != nil {
		own = *client
	} else {
		own.Transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second,
		}
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{base: strings.TrimSuffix(u.String(), "/"), http: &own}, nil
}

// GetJSON asks for path and decodes at most limit bytes of JSON into v.
func (c *Client) GetJSON(ctx context.Context, path string, limit int64, v any) error {
	raw, err := c.do(ctx, http.MethodGet, path, typeJSON, nil, limit)
	if err != nil {
		return err
	}
	return decode(path, raw, v)
}

// GetBinary asks for path in the ledger's own binary form.
func (c *Client) GetBinary(ctx context.Context, path string, limit int64) ([]byte, error) {
	return c.do(ctx, http.MethodGet, path, typeBinary, nil, limit)
}

// PostBinary sends data in the ledger's own binary form and decodes the answer's JSON into v.
func (c *Client) PostBinary(ctx context.Context, path string, data []byte, v any) error {
	raw, err := c.do(ctx, http.MethodPost, path, typeJSON, data, MaxAnswer)
	if err != nil {
		return err
	}
	return decode(path, raw, v)
}

func decode(path string, raw []byte, v any) error {
	if err := json.Unmarshal(raw, v); err != nil {
		return unusable(path, err)
	}
	return nil
}

// unusable is the error for an answer that came but is not what was asked for.
func unusable(path string, why error) error {
	return fmt.Errorf("%w: asked for %s: %w (is it a Stardust node?)", ErrAnswer, path, why)
}

func (c *Client) do(ctx context.Context, method, path, accept string, body []byte, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot ask the node for %s: %w", path, err)
	}
	if body != nil {
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
		req.Header.Set("Content-Type", typeBinary)
	}
	req.Header.Set("Accept", accept)
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the node: %w (is it running, and is its URL right?)", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated {
		return nil, statusError(path, res)
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, unusable(path, err)
	}
	if int64(len(raw)) > limit {
		return nil, unusable(path, fmt.Errorf("it is longer than %d bytes", limit))
	}
	return raw, nil
}

// statusError reads what the node says about it, whatever form that has.
func statusError(path string, res *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(res.Body, 4096)) // the status alone is enough
	var said struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	message := strings.TrimSpace(string(raw))
	if json.Unmarshal(raw, &said) == nil {
		message = said.Error.Message
	}
	out := &StatusError{Path: path, Status: res.StatusCode, Message: message[:min(len(message), maxMessage)]}
	if wait, err := time.ParseDuration(res.Header.Get("Retry-After") + "s"); err == nil && wait > 0 {
		out.RetryAfter = min(wait, time.Hour)
	}
	return out
}
