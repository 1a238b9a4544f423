//go:build linux

package e2e

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// readLive asks for the live stream over HTTP.
func (g *gateway) readLive(name, password, accept string) *http.Response {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, g.Web+"/api/v1/live", nil)
	if err != nil {
		g.t.Fatal(err)
	}
	if name != "" {
		req.SetBasicAuth(name, password)
	}
	req.Header.Set("Accept", accept)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func TestLiveOverHTTPIsForWhoHasAGrant(t *testing.T) {
	t.Parallel()
	g := start(t)
	a := newBuyer(t).buy(g)
	for _, who := range [][2]string{{"", ""}, {a.Username, "not this one"}, {"somebody", a.Password}} {
		res := g.readLive(who[0], who[1], "")
		var offer struct{ Gateway, Signature string }
		if err := json.NewDecoder(res.Body).Decode(&offer); err != nil || res.StatusCode != http.StatusPaymentRequired || offer.Signature == "" {
			t.Errorf("%q got %s and %+v %v, want 402 with the signed offer", who[0], res.Status, offer, err)
		}
	}
	for accept, form := range map[string]struct{ kind, before string }{
		"":                  {"application/x-ndjson", ""},
		"text/event-stream": {"text/event-stream", "data: "},
	} {
		res := g.readLive(a.Username, a.Password, accept)
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != form.kind {
			t.Fatalf("%s, %q", res.Status, res.Header.Get("Content-Type"))
		}
		lines := bufio.NewScanner(res.Body)
		var last uint64
		for n := 0; n < 3 && lines.Scan(); {
			if lines.Text() == "" {
				continue
			}
			var m struct{ Seq uint64 }
			text, ok := strings.CutPrefix(lines.Text(), form.before)
			if err := json.Unmarshal([]byte(text), &m); err != nil || !ok || n > 0 && m.Seq != last+1 {
				t.Errorf("line %d is %q after seq %d: %v", n, lines.Text(), last, err)
			}
			last = m.Seq
			n++
		}
		if last == 0 {
			t.Errorf("%s: nothing came: %v", form.kind, lines.Err())
		}
	}
}

func TestLiveOverHTTPEndsWithTheGrantAndWithTheGateway(t *testing.T) {
	t.Parallel()
	g := start(t)
	a := newBuyer(t).buy(g)
	end := func(res *http.Response) <-chan time.Time {
		ended := make(chan time.Time, 1)
		go func() {
			for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			}
			ended <- time.Now()
		}()
		return ended
	}
	bought := end(g.readLive(a.Username, a.Password, ""))
	jane := g.addOwner("jane")
	owners := end(g.readLive(jane.Name, jane.Password, ""))
	if r := g.Run(t.Context(), "grants", "revoke", a.Username); r.Code != 0 {
		t.Fatal(r)
	}
	select {
	case <-bought:
	case <-time.After(promisedEnd + measuringSlack):
		t.Error("a revoked reader still reads")
	}
	select {
	case <-owners:
		t.Error("another's revocation ended the owner's stream")
	case <-time.After(time.Second):
	}
	g.reload(map[string]any{"publish.level": "private"}) // owners read on
	if res := g.readLive("", "", ""); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("at private a stranger got %s", res.Status)
	}
	if err := g.Stop(); err != nil {
		t.Error(err)
	}
	select {
	case <-owners:
	case <-time.After(5 * time.Second):
		t.Error("the stream outlived the gateway")
	}
}
