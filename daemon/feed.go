package daemon

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/daemon/config"
)

const (
	// maxStreams is how many may read the live stream over HTTP at once; MQTT is the way for many.
	maxStreams = 64
	// behindSlots is how many slots a reader may be behind before he misses some; a subscriber sees that in seq.
	behindSlots = 8
	// streamWrite bounds one write to a reader.
	streamWrite = 10 * time.Second
)

// feed hands each slot of the live stream that went through the gate to those who read it over HTTP.
type feed struct {
	mu      sync.Mutex // guards what follows
	readers map[chan []byte]bool
	ended   bool
}

// join is nil when there are too many readers, or the gateway stops.
func (f *feed) join() chan []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended || len(f.readers) >= maxStreams {
		return nil
	}
	if f.readers == nil {
		f.readers = map[chan []byte]bool{}
	}
	c := make(chan []byte, behindSlots)
	f.readers[c] = true
	return c
}

func (f *feed) leave(c chan []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.readers, c)
}

// send never waits: who is too far behind misses this slot.
func (f *feed) send(payload []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.readers {
		select {
		case c <- payload:
		default:
		}
	}
}

// end sends every reader home once ctx ends; the web front would wait for them.
func (f *feed) end(ctx context.Context) {
	<-ctx.Done()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	for c := range f.readers {
		close(c)
	}
	f.readers = nil
}

// webLive is the live stream for programs without MQTT: Server-Sent Events for who accepts them, else one JSON document
// a line. Who has no grant is shown what one costs.
func (g *Gateway) webLive(w http.ResponseWriter, r *http.Request) {
	name, password, ok := r.BasicAuth()
	var who billing.Account
	if ok {
		var err error
		if who, ok, err = g.shop.Login(r.Context(), name, password, g.now()); err != nil {
			g.webFailed(w, "cannot look up the grant", err)
			return
		}
	}
	if !ok || !g.mayRead(who) {
		g.webUnpaid(w, r)
		return
	}
	slots := g.feed.join()
	if slots == nil {
		w.Header().Set("Retry-After", "10")
		webError(w, http.StatusServiceUnavailable, "busy", fmt.Sprintf("%d readers is what this way serves", maxStreams), "subscribe by MQTT, or try again later")
		return
	}
	defer g.feed.leave(slots)
	g.streamTo(w, r, slots, who)
}

// mayRead says whether an account may read the live stream at the level of now: at private a buyer is an outsider.
func (g *Gateway) mayRead(a billing.Account) bool {
	return a.State == billing.GrantActive && (a.Owner || g.config().Publish.Level != config.Private)
}

// webUnpaid answers 402 with the signed offer while something is sold.
func (g *Gateway) webUnpaid(w http.ResponseWriter, r *http.Request) {
	if !g.sells() {
		w.Header().Set("WWW-Authenticate", `Basic realm="wattgate"`)
		webError(w, http.StatusUnauthorized, "no-grant", "this user name and password have no access, and this gateway sells none at the moment", "ask the owner for a user")
		return
	}
	offer, err := g.shop.Offer(r.Context(), g.now())
	if err != nil {
		g.webFailed(w, "cannot make the offer", err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	webJSON(w, http.StatusPaymentRequired, offer)
}

// streamTo writes slot after slot until the reader leaves or his access is over.
func (g *Gateway) streamTo(w http.ResponseWriter, r *http.Request, slots <-chan []byte, who billing.Account) {
	events := strings.Contains(r.Header.Get("Accept"), "text/event-stream")
	kind, before, after := "application/x-ndjson", "", "\n"
	if events {
		kind, before, after = "text/event-stream", "data: ", "\n\n"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy that collects would turn a stream into lumps
	out := http.NewResponseController(w)
	w.WriteHeader(http.StatusOK)
	_ = out.Flush()
	checked := g.shop.Revision()
	for {
		var payload []byte
		var more bool
		select {
		case <-r.Context().Done():
			return
		case payload, more = <-slots:
			if !more {
				return
			}
		}
		if revision := g.shop.Revision(); revision != checked {
			now, ok, err := g.shop.Account(r.Context(), who.Username, g.now())
			if err != nil || !ok || now.Credential != who.Credential {
				return
			}
			who, checked = now, revision
		}
		if !who.End.IsZero() && !g.now().Before(who.End) || !g.mayRead(who) {
			return
		}
		_ = out.SetWriteDeadline(time.Now().Add(streamWrite))
		if _, err := fmt.Fprintf(w, "%s%s%s", before, payload, after); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
	}
}
