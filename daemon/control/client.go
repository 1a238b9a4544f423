package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
	"time"
)

// maxAnswer bounds what the client reads: some ten thousand grants as JSON.
const maxAnswer = 64 << 20

// ErrNotRunning says that no gateway answers on the socket.
var ErrNotRunning = errors.New("the gateway is not running")

// Client talks to the gateway whose control socket lies at a path.
type Client struct {
	path string
	http *http.Client
}

// NewClient makes a client; it does not connect yet.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", path)
	}
	return &Client{path: path, http: &http.Client{
		Timeout:   60 * time.Second,
		Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true},
	}}
}

// Get reads the document at route into out.
func (c *Client) Get(ctx context.Context, route string, out any) error {
	return c.call(ctx, http.MethodGet, route, nil, out)
}

// Post sends in to route and reads the answer into out.
func (c *Client) Post(ctx context.Context, route string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("cannot write the request: %w", err)
	}
	return c.call(ctx, http.MethodPost, route, body, out)
}

// Fetch copies what route answers to out, however long it is.
func (c *Client) Fetch(ctx context.Context, route string, out io.Writer) error {
	res, err := c.do(ctx, &http.Client{Transport: c.http.Transport}, http.MethodGet, route, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(out, res.Body); err != nil {
		return fmt.Errorf("cannot read the gateway's answer to its end: %w", err)
	}
	return nil
}

// Send streams in to route, however long it is, and reads the answer into out.
func (c *Client) Send(ctx context.Context, route string, in io.Reader, out any) error {
	res, err := c.do(ctx, &http.Client{Transport: c.http.Transport}, http.MethodPost, route, in)
	if err != nil {
		return err
	}
	return decode(res, out)
}

func (c *Client) call(ctx context.Context, method, route string, body []byte, out any) error {
	res, err := c.do(ctx, c.http, method, route, bytes.NewReader(body))
	if err != nil {
		return err
	}
	return decode(res, out)
}

// do asks; an answer that is a refusal is an error.
func (c *Client) do(ctx context.Context, by *http.Client, method, route string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://gateway"+route, body)
	if err != nil {
		return nil, fmt.Errorf("cannot make the request: %w", err)
	}
	res, err := by.Do(req)
	if err != nil {
		return nil, c.explain(err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer func() { _ = res.Body.Close() }()
	var env Envelope
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err == nil && json.Unmarshal(data, &env) == nil && env.Error != nil {
		return nil, env.Error
	}
	return nil, fmt.Errorf("the gateway answered %s", res.Status)
}

func decode(res *http.Response, out any) error {
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("cannot read the gateway's answer: %w", err)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("cannot understand the gateway's answer (is it of another version?): %w", err)
	}
	return nil
}

func (c *Client) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nothing answers at %s (start it, or name its directory with --state or --runtime)", ErrNotRunning, c.path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("cannot reach the gateway at %s: permission denied (run it with sudo)", c.path)
	}
	return fmt.Errorf("cannot ask the gateway: %w", err)
}
