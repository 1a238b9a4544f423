package front_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/daemon/front"
)

// Whether the proxy takes the base path away, or leaves that to us, makes no difference.
func TestBasePathMayBeThereOrNot(t *testing.T) {
	for _, base := range []string{"/power", "/power/", "/a/power"} {
		f := newFront(t, front.Options{BasePath: base})
		base = strings.TrimSuffix(base, "/")
		for _, prefix := range []string{base, ""} {
			if text := body(t, ask(f, "GET", prefix+"/")); !strings.Contains(text, "<title>page") {
				t.Errorf("%s: %s/ is %q", base, prefix, text)
			}
			if e := wantEcho(t, ask(f, "GET", prefix+"/api/v1/a%2Fb")); e.Path != "/api/v1/a/b" {
				t.Errorf("%s: behind %q the API sees %s", base, prefix, e.Path)
			}
		}
		for _, path := range []string{base + "x/", base + base + "/", base + "//"} {
			wantRefusal(t, ask(f, "GET", path), http.StatusNotFound, "not-found")
		}
	}
}

func TestBasePathWithoutSlashLeadsToThePage(t *testing.T) {
	f := newFront(t, front.Options{BasePath: "/a/power"})
	res := ask(f, "GET", "/a/power?x=1")
	if to, err := res.Location(); res.StatusCode != http.StatusTemporaryRedirect || err != nil || res.Header.Get("Location") != "power/?x=1" {
		t.Errorf("%s to %v (%v)", res.Status, to, err)
	}
}

func TestEscapedBasePathIsNotTheBasePath(t *testing.T) {
	f := newFront(t, front.Options{BasePath: "/power"})
	if res := ask(f, "GET", "/%70ower/api/v1/a%2Fb"); res.StatusCode != http.StatusNotFound {
		t.Errorf("%s", res.Status)
	}
}

func TestBadOptionsAreRefusedAllAtOnce(t *testing.T) {
	_, err := front.New(front.Options{API: http.HandlerFunc(echo), BasePath: "power", Origins: []string{"power.example.org"}, TrustedProxies: []string{"proxy"}})
	for _, want := range []string{`"power" as the base path`, `"power.example.org" for an origin`, `trust the proxy "proxy"`, "write it like /power", "write it like https://"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
	if _, err := front.New(front.Options{}); err == nil {
		t.Error("no API, no error")
	}
	for _, base := range []string{"power", "/po wer", "/../x", "/x//y", "/./x", "/api", "/api/v1", "/healthz", "//", "/x?y", "/%70"} {
		if _, err := front.New(front.Options{API: http.HandlerFunc(echo), BasePath: base}); err == nil {
			t.Errorf("base path %q is taken", base)
		}
	}
	for _, origin := range []string{"", "null", "*", "https://", "https://a.example/path", "ftp://a.example", "https://user@a.example", "a.example:80"} {
		if _, err := front.New(front.Options{API: http.HandlerFunc(echo), Origins: []string{origin}}); err == nil {
			t.Errorf("origin %q is taken", origin)
		}
	}
	for _, proxy := range []string{"", "localhost", "10.0.0.0/33", "10.0.0.1:80", "::/x"} {
		if _, err := front.New(front.Options{API: http.HandlerFunc(echo), TrustedProxies: []string{proxy}}); err == nil {
			t.Errorf("proxy %q is trusted", proxy)
		}
	}
}
