package webserver

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/front"
	"github.com/wattgate/wattgate/daemon/front/fronttest"
)

// visit is one recipe being tried.
type visit struct {
	site     site
	base     string // "" or like /power
	front    *front.Front
	broker   *fronttest.Broker
	isOff    *atomic.Bool  // the broker's listener is said to be off
	released chan struct{} // lets the live stream end
}

func TestThroughEachWebServer(t *testing.T) {
	broker := fronttest.StartBroker(t)
	for i, r := range recipes(t) {
		t.Run(fmt.Sprintf("%d %s", i+1, r.title), func(t *testing.T) {
			v := &visit{base: r.settings.Web.BasePath, broker: broker, isOff: &atomic.Bool{}, released: make(chan struct{})}
			f, err := front.New(front.Options{
				API: v.api(), Page: fronttest.Page(), TrustedProxies: r.settings.Web.TrustedProxies, BasePath: v.base,
				Broker: func() string {
					if v.isOff.Load() {
						return ""
					}
					return broker.WebSockets
				},
				Limits: front.Limits{SocketsEach: 3},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(f.Close)
			v.front = f
			s := httptest.NewServer(f)
			t.Cleanup(s.Close)
			v.site = r.start(t, strings.TrimPrefix(s.URL, "http://"))
			t.Run("page", v.page)
			t.Run("API", v.visitorArrives)
			t.Run("origins", v.origins)
			t.Run("stream", v.stream)
			t.Run("sockets", v.sockets)
			t.Run("sockets of each visitor", v.socketsEach)
			t.Run("broker off", v.brokerOff)
			t.Run("end", v.end)
		})
	}
}

type seen struct {
	Path, Addr, Host string
	Secure           bool
}

func (v *visit) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/seen", func(w http.ResponseWriter, r *http.Request) {
		doc, _ := json.Marshal(seen{r.URL.Path, front.ClientAddr(r), r.Host, front.Secure(r)})
		_, _ = w.Write(doc)
	})
	mux.HandleFunc("GET /api/v1/live", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: first\n\n")
		_ = http.NewResponseController(w).Flush()
		<-v.released
		_, _ = io.WriteString(w, "data: last\n\n")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"error":{}}`, http.StatusNotFound) })
	return mux
}

// from is an HTTP client at another address of this machine, which trusts any certificate and follows no redirect.
func from(ip string) *http.Client {
	return &http.Client{
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableCompression: true,
			DisableKeepAlives:  true,
			TLSClientConfig:    &tls.Config{InsecureSkipVerify: true},
			DialContext:        (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}).DialContext,
		},
	}
}

// ask sends one request as the visitor 127.0.0.2; headers are written Name: value.
func ask(t *testing.T, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range headers {
		name, value, _ := strings.Cut(text, ": ")
		r.Header.Set(name, value)
	}
	res, err := from("127.0.0.2").Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

func (v *visit) page(t *testing.T) {
	root := "http://" + v.site.plain + v.base
	res, text := ask(t, "GET", root+"/")
	if res.StatusCode != 200 || !strings.Contains(text, "<title>page") || !strings.Contains(res.Header.Get("Content-Security-Policy"), "ws://127.0.0.1:*") {
		t.Errorf("%s %q, policy %q", res.Status, text, res.Header.Get("Content-Security-Policy"))
	}
	if res, _ := ask(t, "GET", root+"/", "If-None-Match: "+res.Header.Get("ETag")); res.StatusCode != http.StatusNotModified {
		t.Errorf("the same again: %s", res.Status)
	}
	res, text = ask(t, "GET", root+"/assets/app-7QHWZ2YX.js", "Accept-Encoding: gzip, br")
	if text != fronttest.Brotli || res.Header.Get("Content-Encoding") != "br" || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("script: %s %q %v", res.Status, text, res.Header)
	}
	if res, _ = ask(t, "GET", root+"/nothing"); res.StatusCode != http.StatusNotFound {
		t.Errorf("nothing: %s", res.Status)
	}
	if v.base == "" {
		return
	}
	res, _ = ask(t, "GET", root)
	if to, err := res.Location(); err != nil || to.String() != root+"/" {
		t.Errorf("%s leads to %v (%s, %v)", root, to, res.Status, err)
	}
}

func (v *visit) visitorArrives(t *testing.T) {
	for url, secure := range map[string]bool{"http://" + v.site.plain: false, "https://" + v.site.secure: true} {
		// The lies must not arrive.
		lie := "https"
		if secure {
			lie = "http"
		}
		_, text := ask(t, "POST", url+v.base+"/api/v1/seen", "X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: "+lie)
		var got seen
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		_, host, _ := strings.Cut(url, "://")
		if want := (seen{"/api/v1/seen", "127.0.0.2", host, secure}); got != want {
			t.Errorf("%s: %+v, want %+v", url, got, want)
		}
	}
	if res, text := ask(t, "GET", "http://"+v.site.plain+v.base+"/api/nothing"); res.StatusCode != 404 || !strings.Contains(text, `{"error"`) {
		t.Errorf("the API's error became %s %q", res.Status, text)
	}
}

func (v *visit) origins(t *testing.T) {
	url := "http://" + v.site.plain
	for origin, want := range map[string]int{url: 200, "http://evil.example": 403} {
		if res, text := ask(t, "POST", url+v.base+"/api/v1/seen", "Origin: "+origin); res.StatusCode != want {
			t.Errorf("%s: %s %q", origin, res.Status, text)
		}
	}
}

// A reading must be seen when it is sent, not when enough of them have come together.
func (v *visit) stream(t *testing.T) {
	res, err := from("127.0.0.2").Get("http://" + v.site.plain + v.base + "/api/v1/live")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	const first, last = "data: first\n\n", "data: last\n\n"
	got := make([]byte, len(first))
	if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != first {
		t.Errorf("%q %v", got, err)
	}
	close(v.released)
	if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != last {
		t.Errorf("%q %v", rest, err)
	}
}

func (v *visit) sockets(t *testing.T) {
	for _, url := range []string{"ws://" + v.site.plain + v.base + "/mqtt", "ws://" + v.site.plain + v.base + "/", "wss://" + v.site.secure + v.base + "/x"} {
		c := fronttest.MustDial(t, url)
		c.MustSubscribe(t, "through")
		for _, text := range []string{"a", strings.Repeat("long ", 2_000), "b"} {
			c.Publish(t, "through", text)
			if got := c.Next(t); got != text {
				t.Errorf("%s: %.40q, want %.40q", url, got, text)
			}
		}
		c.Close()
		fronttest.Eventually(t, "the socket to be gone", func() bool { return v.front.Stats().Sockets == 0 })
	}
	url := "ws://" + v.site.plain + v.base + "/mqtt"
	for origin, ok := range map[string]bool{"http://" + v.site.plain: true, "http://evil.example": false} {
		c, err := fronttest.Dial(url, http.Header{"Origin": {origin}}, false)
		if c.Close(); (err == nil) != ok {
			t.Errorf("%s: %v", origin, err)
		}
	}
}

// It comes last: the front takes no sockets afterwards.
func (v *visit) end(t *testing.T) {
	c := fronttest.MustDial(t, "ws://"+v.site.plain+v.base+"/mqtt")
	v.front.Close()
	<-c.Lost
}

// Sockets are counted by the visitor, not by the web server; see limits in TestThroughEachWebServer.
func (v *visit) socketsEach(t *testing.T) {
	for _, ip := range []string{"127.0.0.2", "127.0.0.3"} {
		url := "ws://" + fronttest.From(t, ip, v.site.plain) + v.base + "/mqtt"
		for range 3 {
			fronttest.MustDial(t, url)
		}
		if c, err := fronttest.Dial(url, nil, false); err == nil {
			c.Close()
			t.Errorf("%s has more sockets than one visitor may", ip)
		}
	}
}

func (v *visit) brokerOff(t *testing.T) {
	fronttest.Eventually(t, "the other sockets to be gone", func() bool { return v.front.Stats().Sockets == 0 })
	v.isOff.Store(true)
	defer v.isOff.Store(false)
	res, text := ask(t, "GET", "http://"+v.site.plain+v.base+"/mqtt", "Connection: upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: mqtt")
	if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "broker-off") || res.Header.Get("Retry-After") == "" {
		t.Errorf("%s %q", res.Status, text)
	}
}
