package front

import (
	"encoding/json"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// refusal is the error of the HTTP API.
type refusal struct {
	Error said `json:"error"`
}

type said struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Fix     string `json:"fix"`
}

// refuse answers with an error of the API's form.
func refuse(w http.ResponseWriter, status int, code, message, fix string) {
	doc, err := json.Marshal(refusal{said{code, message, fix}})
	if err != nil {
		panic(err) // three strings always make a document
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(doc)))
	w.WriteHeader(status)
	_, _ = w.Write(doc)
}

// refuseFor also says how long to wait; without a fix, that is the fix.
func refuseFor(w http.ResponseWriter, status int, wait time.Duration, code, message, fix string) {
	seconds := strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))
	w.Header().Set("Retry-After", seconds)
	if fix == "" {
		fix = "try again in " + seconds + " s"
	}
	refuse(w, status, code, message, fix)
}

// notFound answers a browser with a line to read, and a program with the API's error.
func notFound(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		html(w, r, http.StatusNotFound, "<h1>Nothing here</h1><p>There is no such page on this gateway.</p>")
		return
	}
	refuse(w, http.StatusNotFound, "not-found", "there is nothing at this address", "the offer is at api/v1/offer, the free averages are at api/v1/average")
}

// html answers with a page of our own words, which must hold nothing that a visitor sent.
func html(w http.ResponseWriter, r *http.Request, status int, body string) {
	doc := `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
		`<title>wattgate</title>` + body + "</html>\n"
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(doc)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(doc))
	}
}

// tracked remembers whether an answer has begun.
type tracked struct {
	http.ResponseWriter
	begun bool
}

func (t *tracked) WriteHeader(status int) {
	t.begun = t.begun || status >= 200 // what comes before is no answer yet
	t.ResponseWriter.WriteHeader(status)
}

func (t *tracked) Write(p []byte) (int, error) {
	t.begun = true
	return t.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController flush, hijack and set deadlines.
func (t *tracked) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// contain keeps a panic from being more than one failed request. It is deferred.
func (f *Front) contain(t *tracked, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p) // someone's way to cut a connection
	}
	f.log.Error("a web request failed", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
	if t.begun {
		panic(http.ErrAbortHandler) // half an answer must not look like a whole one
	}
	clear(t.Header())
	harden(t.Header())
	refuse(t, http.StatusInternalServerError, "internal", "the gateway failed on this request", "tell its owner; the log says more")
}
