package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/control"
)

// webHandler is the public HTTP API: every route, open to anyone.
func (g *Gateway) webHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", g.webHealth)
	mux.HandleFunc("GET /api/v1/offer", g.webOffer)
	mux.HandleFunc("POST /api/v1/orders", g.webPlaceOrder)
	mux.HandleFunc("GET /api/v1/orders/{hash}", g.webOrder)
	mux.HandleFunc("GET /api/v1/average", g.webAverage)
	mux.HandleFunc("GET /api/v1/live", g.webLive)
	mux.HandleFunc("POST /api/v1/claims", g.webClaim)
	mux.HandleFunc("POST /api/v1/sandbox/pay", g.webSandboxPay)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		webError(w, http.StatusNotFound, "not-found", "there is nothing at this address", "the offer is at /api/v1/offer, the free averages are at /api/v1/average")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

func (g *Gateway) webHealth(w http.ResponseWriter, _ *http.Request) {
	st := g.state.get()
	code := http.StatusOK
	if st.state == control.StateWithheld {
		code = http.StatusServiceUnavailable
	}
	webJSON(w, code, encode(g.statusMessage(st)))
}

func (g *Gateway) webOffer(w http.ResponseWriter, r *http.Request) {
	if !g.sells() {
		webError(w, http.StatusNotFound, "not-selling", "this gateway sells nothing at the moment", "")
		return
	}
	offer, err := g.shop.Offer(r.Context(), g.now())
	if err != nil {
		g.webFailed(w, "cannot make the offer", err)
		return
	}
	webJSON(w, http.StatusOK, offer)
}

func (g *Gateway) webPlaceOrder(w http.ResponseWriter, r *http.Request) {
	sealed, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSealed))
	if err != nil {
		webError(w, http.StatusRequestEntityTooLarge, "too-large", fmt.Sprintf("a sealed order has at most %d bytes", maxSealed), "")
		return
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	reply, err := g.placeOrder(r.Context(), sealed, billing.Origin{Transport: billing.ByHTTP, Addr: host})
	if err != nil {
		g.webRefused(w, err)
		return
	}
	webJSON(w, http.StatusOK, reply)
}

func (g *Gateway) webOrder(w http.ResponseWriter, r *http.Request) {
	reply, err := g.shop.OrderState(r.Context(), r.PathValue("hash"), g.now())
	if err != nil {
		g.webRefused(w, err)
		return
	}
	webJSON(w, http.StatusOK, reply)
}

// averageRow is one entry of GET /api/v1/average.
type averageRow = minute

func (g *Gateway) webAverage(w http.ResponseWriter, r *http.Request) {
	if g.audience().level == config.Private {
		webError(w, http.StatusForbidden, "private", "the owner of this gateway publishes nothing", "")
		return
	}
	since := time.Now().Add(-24 * time.Hour)
	if s := r.FormValue("since"); s != "" {
		at, err := parseSince(s)
		if err != nil {
			webError(w, http.StatusBadRequest, "bad-since", err.Error(), "write it like 2026-11-22T07:00:00Z, or as seconds since 1970")
			return
		}
		if at.After(since) {
			since = at
		}
	}
	rows, err := g.readings.Averages(r.Context(), "", since)
	if err != nil {
		g.webFailed(w, "cannot read the averages", err)
		return
	}
	out := make([]averageRow, 0, len(rows))
	for _, a := range rows {
		out = append(out, minuteOfHistory(a))
	}
	w.Header().Set("Cache-Control", "no-store")
	webJSON(w, http.StatusOK, encode(out))
}

func parseSince(s string) (time.Time, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 && n < 1<<40 {
		return time.Unix(n, 0), nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, errors.New("cannot read since as a time")
	}
	return at, nil
}

// sandboxPayment is the body of POST /api/v1/sandbox/pay; the amount is in base units, as a string.
type sandboxPayment struct {
	Address   string `json:"address"`
	Amount    string `json:"amount"`
	Reference string `json:"reference"`
}

func (g *Gateway) webSandboxPay(w http.ResponseWriter, r *http.Request) {
	if g.sandbox == nil {
		webError(w, http.StatusNotFound, "no-sandbox", "this gateway takes no play money", "pay the invoice's address on the network the offer names")
		return
	}
	var p sandboxPayment
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		webError(w, http.StatusBadRequest, "bad-request", "cannot read the payment: "+err.Error(), `send {"address":"…","amount":"500","reference":"…"}`)
		return
	}
	amount, err := strconv.ParseInt(p.Amount, 10, 64)
	if err != nil || amount <= 0 {
		webError(w, http.StatusBadRequest, "bad-amount", "the amount must be a positive whole number of base units, as a string", "")
		return
	}
	id, err := g.sandbox.Pay(r.Context(), p.Address, billing.Units(amount), p.Reference)
	if err != nil {
		webError(w, http.StatusBadRequest, "not-paid", err.Error(), "")
		return
	}
	webJSON(w, http.StatusOK, encode(map[string]string{"id": id}))
}

// webRefused answers with what billing has to say to the buyer, and keeps everything else in the log.
func (g *Gateway) webRefused(w http.ResponseWriter, err error) {
	refusal, ok := refusalOf(err)
	if !ok {
		g.webFailed(w, "order failed", err)
		return
	}
	code := http.StatusBadRequest
	switch refusal.Code {
	case billing.CodeBusy:
		code = http.StatusServiceUnavailable
	case billing.CodeNotFound:
		code = http.StatusNotFound
	case billing.CodeSignature:
		code = http.StatusForbidden
	}
	webJSON(w, code, encode(refusal))
}

func (g *Gateway) webFailed(w http.ResponseWriter, what string, err error) {
	g.log.Error(what, "error", err)
	webError(w, http.StatusInternalServerError, "internal", "the gateway cannot do this at the moment", "try again in a minute; the owner's log says why")
}

func webJSON(w http.ResponseWriter, code int, doc []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(doc)
}

func webError(w http.ResponseWriter, code int, name, message, fix string) {
	webJSON(w, code, encode(control.Envelope{Error: &control.Error{Code: name, Message: message, Fix: fix}}))
}
