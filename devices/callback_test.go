package devices

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// deliver sends a request to a mailbox from the given address of this machine
// and returns the status, 0 = the connection was closed.
func deliver(t *testing.T, from, method, to, body string) int {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: time.Second}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}}
	req, err := http.NewRequest(method, to, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("SID", "uuid:1")
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestOnlyThePlugMaySendEvents(t *testing.T) {
	t.Parallel()
	var longest, events atomic.Int64
	box, stop, err := receive(netip.MustParseAddr("127.0.0.1"), func(sid string, body io.Reader) error {
		b, err := io.ReadAll(body)
		longest.Store(max(longest.Load(), int64(len(b))))
		if err == nil && (sid != "uuid:1" || string(b) != "event") {
			err = errors.New("no event")
		}
		if err == nil {
			events.Add(1)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	u, err := url.Parse(box)
	if err != nil || len(u.Path) < 20 || u.Hostname() != "127.0.0.1" {
		t.Fatalf("%q, %v", box, err)
	}
	for name, tt := range map[string]struct {
		from, method, to, body string
		want                   int
	}{
		"the plug":            {"127.0.0.1", "NOTIFY", box, "event", 200},
		"another machine":     {"127.0.0.2", "NOTIFY", box, "event", 0},
		"another path":        {"127.0.0.1", "NOTIFY", "http://" + u.Host + "/x", "event", 404},
		"another method":      {"127.0.0.1", "POST", box, "event", 404},
		"nonsense":            {"127.0.0.1", "NOTIFY", box, "x", 404},
		"more than 16 KiB":    {"127.0.0.1", "NOTIFY", box, strings.Repeat("x", 17<<10), 404},
		"a path within":       {"127.0.0.1", "NOTIFY", box + "/../..", "event", 404},
		"the path in capital": {"127.0.0.1", "NOTIFY", "http://" + u.Host + strings.ToLower(u.Path), "event", 404},
	} {
		if got := deliver(t, tt.from, tt.method, tt.to, tt.body); got != tt.want {
			t.Errorf("%s: status %d, want %d", name, got, tt.want)
		}
	}
	if events.Load() != 1 || longest.Load() > maxEvent {
		t.Errorf("%d events, %d bytes read", events.Load(), longest.Load())
	}

	// Connections that say nothing take all the room there is, and not for long.
	for range 50 {
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	deadline := time.Now().Add(5 * eventTimeout)
	for deliver(t, "127.0.0.1", "NOTIFY", box, "event") != 200 {
		if time.Now().After(deadline) {
			t.Fatal("the plug never gets through")
		}
		<-time.After(50 * time.Millisecond)
	}
}

func TestAPlugInAnotherNetworkIsNotSubscribedTo(t *testing.T) {
	_, _, err := receive(netip.MustParseAddr("240.0.0.1"), nil)
	if want := "cannot receive events: the plug is in another network than this machine"; fmt.Sprint(err) != want {
		t.Error(err)
	}
}
