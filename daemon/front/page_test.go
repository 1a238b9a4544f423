package front_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/wattgate/wattgate/daemon/front"
	"github.com/wattgate/wattgate/daemon/front/fronttest"
)

const script = "/assets/app-7QHWZ2YX.js"

func TestFilesComeWithTheirType(t *testing.T) {
	f := newFront(t, front.Options{})
	for path, want := range map[string]string{
		"/": "text/html; charset=utf-8", "/index.html": "text/html; charset=utf-8",
		script: "text/javascript; charset=utf-8", "/icon.svg": "image/svg+xml",
	} {
		res := ask(f, "GET", path)
		if got := res.Header.Get("Content-Type"); res.StatusCode != 200 || got != want {
			t.Errorf("%s: %s %q, want %q", path, res.Status, got, want)
		}
		if res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: a browser may guess another type", path)
		}
	}
}

func TestOnlyHashedFilesAreKeptForEver(t *testing.T) {
	hashed := []string{"app-7QHWZ2YX.js", "app.0a1b2c3d.css", "font-deadbeefdeadbeef.woff2", "app-7QHWZ2YX.js.map"}
	plain := []string{"index.html", "app.js", "app-longname.js", "uplot-1.6.32.js", "icon-256.png", "a-7QHWZ2Y.js"}
	fsys := fstest.MapFS{}
	for _, name := range append(hashed, plain...) {
		fsys[name] = &fstest.MapFile{Data: []byte(name)}
	}
	f := newFront(t, front.Options{Page: fsys})
	for _, name := range hashed {
		if got := ask(f, "GET", "/"+name).Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, name := range plain {
		res := ask(f, "GET", "/"+name)
		if got := res.Header.Get("Cache-Control"); got != "no-cache" || res.Header.Get("ETag") == "" {
			t.Errorf("%s: %q, ETag %q", name, got, res.Header.Get("ETag"))
		}
	}
}

func TestWhatTheVisitorHasIsNotSentAgain(t *testing.T) {
	f := newFront(t, front.Options{})
	tag := ask(f, "GET", "/").Header.Get("ETag")
	for _, have := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		res := ask(f, "GET", "/", "If-None-Match: "+have)
		if text := body(t, res); res.StatusCode != http.StatusNotModified || text != "" || res.Header.Get("ETag") != tag {
			t.Errorf("%s: %s %q", have, res.Status, text)
		}
	}
	if res := ask(f, "GET", "/", `If-None-Match: "other"`); res.StatusCode != 200 {
		t.Errorf("another version: %s", res.Status)
	}
	br := ask(f, "GET", script, "Accept-Encoding: br").Header.Get("ETag")
	if res := ask(f, "GET", script, "If-None-Match: "+br); res.StatusCode != 200 {
		t.Error("the compressed form's tag stands for the plain one, too")
	}
}

func TestVisitorGetsTheCodingHeWantsMost(t *testing.T) {
	f := newFront(t, front.Options{})
	for accept, want := range map[string]string{
		"": "", "identity": "", "br": "br", "gzip": "gzip", "gzip, deflate, br, zstd": "br", "x-gzip": "gzip", "GZIP": "gzip",
		"br;q=0.5, gzip": "gzip", "br;q=0, *": "gzip", "*": "br", "*;q=0": "", "br;q=0": "", "zstd": "",
		"gzip; q=0.2, identity; q=0.8": "", "gzip;q=0.8, identity;q=0.2": "gzip", "br;q=x": "", "br;q=NaN": "", "br;q=2": "", ", ,br": "br",
	} {
		res := ask(f, "GET", script, "Accept-Encoding: "+accept)
		if got := res.Header.Get("Content-Encoding"); got != want || res.StatusCode != 200 || res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %s %q, want %q; Vary %q", accept, res.Status, got, want, res.Header.Get("Vary"))
		}
		switch text := res.Body; want {
		case "br":
			if got := body(t, res); got != fronttest.Brotli {
				t.Errorf("brotli: %q", got)
			}
		case "gzip":
			z, err := gzip.NewReader(text)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(z); err != nil || !strings.Contains(string(got), "hello") {
				t.Errorf("gzip: %q %v", got, err)
			}
		}
	}
	if res := ask(f, "GET", "/", "Accept-Encoding: br"); res.Header.Get("Content-Encoding") != "" || res.Header.Get("Vary") != "" {
		t.Error("a file that lies there in one form depends on nothing")
	}
}

func TestHeadIsGetWithoutItsBody(t *testing.T) {
	f := newFront(t, front.Options{})
	for _, path := range []string{"/", script, "/nothing"} {
		get, head := ask(f, "GET", path, "Accept: text/html"), ask(f, "HEAD", path, "Accept: text/html")
		if text := body(t, head); text != "" || head.StatusCode != get.StatusCode {
			t.Errorf("%s: %s, body %q", path, head.Status, text)
		}
		for _, name := range []string{"Content-Length", "Content-Type", "ETag", "Cache-Control"} {
			if get.Header.Get(name) != head.Header.Get(name) {
				t.Errorf("%s: %s is %q, with GET %q", path, name, head.Header.Get(name), get.Header.Get(name))
			}
		}
	}
}

func TestPageRunsNothingButItself(t *testing.T) {
	f := newFront(t, front.Options{})
	res := ask(f, "GET", "/", "Host: power.example.org:8080")
	const want = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; manifest-src 'self'; " +
		"connect-src 'self' ws://power.example.org:* wss://power.example.org:*; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	if got := res.Header.Get("Content-Security-Policy"); got != want {
		t.Errorf("policy\n%s, want\n%s", got, want)
	}
	if res.Header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(res.Header.Get("Permissions-Policy"), "camera=()") ||
		res.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
		t.Errorf("headers %v", res.Header)
	}
	for _, host := range []string{"evil; script-src *", "[::1]:8080", "a b", "x,y", "'unsafe-inline'", ""} {
		if got := ask(f, "GET", "/", "Host: "+host).Header.Get("Content-Security-Policy"); !strings.Contains(got, "connect-src 'self';") {
			t.Errorf("%q gets into the policy: %s", host, got)
		}
	}
	if got := ask(f, "GET", "/api/v1/offer").Header.Get("Content-Security-Policy"); got != "default-src 'none'; frame-ancestors 'none'" {
		t.Errorf("API: %q", got)
	}
}

// A browser complains on its console about an opener policy that it cannot apply.
func TestOpenerPolicyOnlyWhereBrowsersApplyIt(t *testing.T) {
	f := newFront(t, front.Options{TrustedProxies: []string{"10.0.0.1"}})
	for want, sets := range map[string][][]string{
		"same-origin": {{"Host: localhost:8080"}, {"Host: 127.0.0.1"}, {"Host: [::1]:80"}, {"Host: a.example", "Peer: 10.0.0.1:5", "X-Forwarded-Proto: https"}},
		"":            {{"Host: 192.168.1.5:8080"}, {"Host: a.example", "X-Forwarded-Proto: https"}, {"Host: localhost.example"}},
	} {
		for _, headers := range sets {
			if got := ask(f, "GET", "/", headers...).Header.Get("Cross-Origin-Opener-Policy"); got != want {
				t.Errorf("%v: %q, want %q", headers, got, want)
			}
		}
	}
}

func TestWhatIsNotThereIsSaidInTheVisitorsLanguage(t *testing.T) {
	f := newFront(t, front.Options{})
	for _, path := range []string{"/nothing", "/assets", "/assets/", "/.keep", "/assets/../icon.svg", "//icon.svg", script + ".br", "/index.html/"} {
		wantRefusal(t, ask(f, "GET", path), http.StatusNotFound, "not-found")
		res := ask(f, "GET", path, "Accept: text/html,*/*")
		if text := body(t, res); res.StatusCode != http.StatusNotFound || !strings.Contains(text, "<h1>") {
			t.Errorf("%s: %s %q", path, res.Status, text)
		}
	}
	res := ask(f, "POST", "/")
	if res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow: %q", res.Header.Get("Allow"))
	}
	wantRefusal(t, res, http.StatusMethodNotAllowed, "method-not-allowed")
}

func TestMissingPageSaysSo(t *testing.T) {
	for name, fsys := range map[string]fstest.MapFS{"no index": {".keep": {}}, "other file": {"app.js": {}}} {
		f := newFront(t, front.Options{Page: fsys})
		res := ask(f, "GET", "/")
		if text := body(t, res); res.StatusCode != 404 || !strings.Contains(text, "without the web page") || strings.Contains(text, "<script") {
			t.Errorf("%s: %s %q", name, res.Status, text)
		}
	}
	bare, err := front.New(front.Options{API: http.HandlerFunc(echo)})
	if err != nil {
		t.Fatal(err)
	}
	if text := body(t, ask(bare, "GET", "/")); !strings.Contains(text, "without the web page") {
		t.Errorf("no file system: %q", text)
	}
	if e := wantEcho(t, ask(bare, "GET", "/api/v1/offer")); e.Path != "/api/v1/offer" {
		t.Errorf("the API needs no page: %v", e)
	}
}

func TestAPIGetsItsPathsAndNoOthers(t *testing.T) {
	f := newFront(t, front.Options{})
	for _, path := range []string{"/api", "/api/", "/api/v1/offer", "/api/nothing", "/healthz"} {
		if e := wantEcho(t, ask(f, "GET", path)); e.Path != path {
			t.Errorf("%s arrives as %s", path, e.Path)
		}
	}
	for _, path := range []string{"/apis", "/healthz/x", "/API", "//api", "/./api", "/x/../api", "/api//x", "/api/./x", "/api/../x", "/api/.."} {
		wantRefusal(t, ask(f, "GET", path), http.StatusNotFound, "not-found")
	}
}
