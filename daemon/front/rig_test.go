package front_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/daemon/front"
	"github.com/wattgate/wattgate/daemon/front/fronttest"
)

// echo is an API that tells what reaches it.
func echo(w http.ResponseWriter, r *http.Request) {
	doc, _ := json.Marshal(map[string]any{"path": r.URL.Path, "addr": front.ClientAddr(r), "key": front.ClientKey(r), "secure": front.Secure(r)})
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(doc)
}

type echoed struct {
	Path, Addr, Key string
	Secure          bool
}

// newFront makes a front with the test page and the echo, where the options leave that open.
func newFront(t testing.TB, o front.Options) *front.Front {
	t.Helper()
	if o.API == nil {
		o.API = http.HandlerFunc(echo)
	}
	if o.Page == nil {
		o.Page = fronttest.Page()
	}
	f, err := front.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// ask sends one request straight into the handler; headers are written Name: value.
func ask(h http.Handler, method, target string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for _, text := range headers {
		name, value, _ := strings.Cut(text, ": ")
		switch name {
		case "Host":
			r.Host = value
		case "Peer":
			r.RemoteAddr = value
		default:
			r.Header.Add(name, value)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t testing.TB, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wantRefusal checks an error of the API's form.
func wantRefusal(t testing.TB, res *http.Response, status int, code string) {
	t.Helper()
	text := body(t, res)
	var doc struct {
		Error *struct{ Code, Message, Fix string }
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil || doc.Error == nil {
		t.Fatalf("status %s, %q is no error of the API (%v)", res.Status, text, err)
	}
	if res.StatusCode != status || doc.Error.Code != code || doc.Error.Message == "" || doc.Error.Fix == "" {
		t.Errorf("%d %+v, want %d %s with a message and a fix", res.StatusCode, *doc.Error, status, code)
	}
}

func wantEcho(t testing.TB, res *http.Response) echoed {
	t.Helper()
	var e echoed
	if text := body(t, res); json.Unmarshal([]byte(text), &e) != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %q is not from the API", res.Status, text)
	}
	return e
}
