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

func (c *Client) call(ctx context.Context, method, route string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://gateway"+route, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("cannot make the request: %w", err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return c.explain(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("cannot read the gateway's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		var env Envelope
		if json.Unmarshal(data, &env) == nil && env.Error != nil {
			return env.Error
		}
		return fmt.Errorf("the gateway answered %s", res.Status)
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
