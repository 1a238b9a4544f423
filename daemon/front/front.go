package front

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
)

// Options are what a Front serves. A change of them wants a new Front.
type Options struct {
	// API answers /healthz and everything at and below /api. It must not be nil.
	API http.Handler
	// Page holds index.html and what it needs, flat or in folders; beside a file may lie the same with .br and .gz behind
	// its name. Nil, or without index.html: the page is not built in, and / says so.
	Page fs.FS
	// Broker is host:port of the broker's WebSockets listener, "" while it is off. It is asked for each socket. Nil: always off.
	Broker func() string
	// Origins are other sites whose pages may use sockets and API, like https://power.example.org. The page's own origin
	// always may.
	Origins []string
	// TrustedProxies are the IP addresses, the CIDRs and, for unix sockets, the word "unix", whose X-Forwarded-For and
	// X-Forwarded-Proto count. Those of everybody else are ignored.
	TrustedProxies []string
	// BasePath is taken away from the front of a path, like /power; a path without it is served as it is. "" or / is none.
	BasePath string
	// Log takes what the owner should know; nil throws it away.
	Log *slog.Logger
	// Limits bound what visitors may do; fields that are zero have the value of DefaultLimits.
	Limits Limits
}

// Front serves the web. New makes one.
type Front struct {
	api     http.Handler
	page    *page
	broker  func() string
	origins map[string]bool
	trusted trusted
	base    string // "" or like /power
	log     *slog.Logger
	limits  Limits
	rate    *buckets
	sockets *sockets
	conns   *counter
}

// New checks the options, all of them at once, and does no I/O beyond reading the page.
func New(o Options) (*Front, error) {
	if o.API == nil {
		return nil, errors.New("cannot make a web front without an API")
	}
	f := &Front{api: o.API, broker: o.Broker, log: o.Log, limits: o.Limits.orDefault()}
	if f.broker == nil {
		f.broker = func() string { return "" }
	}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	var problems [4]error
	f.page, problems[0] = readPage(o.Page)
	f.origins, problems[1] = parseOrigins(o.Origins)
	f.trusted, problems[2] = parseTrusted(o.TrustedProxies)
	f.base, problems[3] = parseBase(o.BasePath)
	if err := errors.Join(problems[:]...); err != nil {
		return nil, err
	}
	f.rate = newBuckets(f.limits.Rate, f.limits.Burst, f.limits.Visitors)
	f.sockets = newSockets(f.limits, f.log)
	f.conns = newCounter(f.limits.Conns, f.limits.ConnsEach)
	return f, nil
}

// ServeHTTP implements http.Handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := f.trusted.visitorOf(r)
	r = r.WithContext(context.WithValue(r.Context(), visitorKey{}, v))
	t := &tracked{ResponseWriter: w}
	defer f.contain(t, r)
	harden(t.Header())
	if wait := f.rate.take(v.key()); wait > 0 {
		refuseFor(t, http.StatusTooManyRequests, wait, "too-many-requests", "this address asks too often", "")
		return
	}
	r, ok := f.withoutBase(t, r)
	if !ok {
		return
	}
	switch api := isAPI(r.URL.Path); {
	case !clean(r.URL.Path):
		notFound(t, r)
	case isUpgrade(r) && !api:
		f.socket(t, r, v)
	case !f.mayUse(t, r):
	case api:
		f.serveAPI(t, r)
	default:
		f.page.serve(t, r)
	}
}

// isAPI tells the API's paths from the page's.
func isAPI(path string) bool {
	return path == "/api" || strings.HasPrefix(path, "/api/") || path == "/healthz"
}

// clean is false for paths that say a thing in two ways: the API's router would send the visitor to the other way, and
// leave out the base path in doing so.
func clean(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.Contains(path, "//") &&
		!strings.Contains(path+"/", "/./") && !strings.Contains(path+"/", "/../")
}

// serveAPI hands on a request; the API may replace what is set here.
func (f *Front) serveAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.Header().Set("Cache-Control", "no-store")
	f.api.ServeHTTP(w, r)
}

// Stats is what the front is doing and has refused since it was made.
type Stats struct {
	Conns          int    // connections open now, of listeners made by Listener
	Sockets        int    // open now
	SocketsRefused uint64 // for too many of them, a foreign origin, or a broker that is off
	Limited        uint64 // requests answered with 429 for their rate
}

// Stats may be asked at any time.
func (f *Front) Stats() Stats {
	return Stats{Conns: f.conns.count(), Sockets: f.sockets.open(), SocketsRefused: f.sockets.refused.Load(), Limited: f.rate.refused.Load()}
}

// Close ends all sockets, refuses new ones from then on, and returns when the last is gone. Pages and the API go on being
// served: those end with their server.
func (f *Front) Close() { f.sockets.close() }
