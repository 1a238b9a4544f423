package front_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/daemon/front"
)

func TestForeignPagesChangeNothing(t *testing.T) {
	f := newFront(t, front.Options{Origins: []string{"https://friend.example"}})
	for origin, ok := range map[string]bool{
		"http://here.example:8080": true, "https://here.example:8080": true, "HTTP://HERE.example:8080": false, // no browser writes it so
		"https://friend.example": true, "https://friend.example:443": true, "http://friend.example": false,
		"http://here.example": false, "http://here.example:8443": false, "http://evil.example": false, "null": false, "": false,
		"http://here.example:8080.evil.example": false, "http://here.example:8080/": false,
	} {
		res := ask(f, "POST", "/api/v1/orders", "Host: here.example:8080", "Origin: "+origin)
		if !ok {
			wantRefusal(t, res, http.StatusForbidden, "foreign-origin")
		} else if res.StatusCode != 200 {
			t.Errorf("%s: %s", origin, res.Status)
		}
	}
	if res := ask(f, "POST", "/api/v1/orders", "Host: here.example"); res.StatusCode != 200 {
		t.Errorf("a program: %s", res.Status)
	}
	wantRefusal(t, ask(f, "POST", "/api/x", "Host: here.example", "Origin: http://here.example", "Origin: http://here.example"), 403, "foreign-origin")
}

func TestUsualPortMayBeWrittenOrNot(t *testing.T) {
	f := newFront(t, front.Options{})
	for host, origin := range map[string]string{"a.example:443": "https://a.example", "a.example:80": "http://a.example", "A.example": "http://a.example"} {
		if res := ask(f, "POST", "/api/x", "Host: "+host, "Origin: "+origin); res.StatusCode != 200 {
			t.Errorf("%s on %s: %s", origin, host, res.Status)
		}
	}
}

func TestListedSitesMayReadTheAPI(t *testing.T) {
	f := newFront(t, front.Options{Origins: []string{"https://friend.example/"}})
	for origin, want := range map[string]string{"https://friend.example": "https://friend.example", "http://evil.example": "", "http://example.com": ""} {
		res := ask(f, "GET", "/api/v1/offer", "Origin: "+origin)
		got, said := res.Header["Access-Control-Allow-Origin"]
		if res.StatusCode != 200 || strings.Join(got, "") != want || said != (want != "") || res.Header.Get("Vary") != "Origin" {
			t.Errorf("%s: %s, allowed %q, Vary %q", origin, res.Status, got, res.Header.Get("Vary"))
		}
		if res.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Error("cookies are nobody else's")
		}
	}
	res := ask(f, "OPTIONS", "/api/v1/orders", "Origin: https://friend.example", "Access-Control-Request-Method: POST")
	if res.StatusCode != http.StatusNoContent || !strings.Contains(res.Header.Get("Access-Control-Allow-Methods"), "POST") ||
		!strings.Contains(res.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("preflight: %s %v", res.Status, res.Header)
	}
	res = ask(f, "OPTIONS", "/api/v1/orders", "Origin: https://evil.example", "Access-Control-Request-Method: POST")
	if res.Header.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("preflight of a foreign page: %s %v", res.Status, res.Header)
	}
}
