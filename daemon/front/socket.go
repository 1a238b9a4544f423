package front

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// isUpgrade tells whether a request wants a WebSocket.
func isUpgrade(r *http.Request) bool {
	return r.Method == http.MethodGet && r.ProtoMajor == 1 &&
		names(r.Header.Values("Upgrade"), "websocket") && names(r.Header.Values("Connection"), "upgrade")
}

func names(lines []string, token string) bool {
	return slices.ContainsFunc(tokens(lines), func(t string) bool { return strings.EqualFold(t, token) })
}

// tokens are the members of a header's comma-separated list.
func tokens(lines []string) []string {
	var all []string
	for _, line := range lines {
		for t := range strings.SplitSeq(line, ",") {
			if t = strings.TrimSpace(t); t != "" {
				all = append(all, t)
			}
		}
	}
	return all
}

// handshake is what the broker needs to know of a client's wish; nothing else of the request reaches it.
type handshake struct {
	key      string
	protocol string
}

// readHandshake refuses what the broker would refuse with less words, or not at all.
func readHandshake(w http.ResponseWriter, r *http.Request) (handshake, bool) {
	hs := handshake{key: r.Header.Get("Sec-WebSocket-Key")}
	for _, t := range tokens(r.Header.Values("Sec-WebSocket-Protocol")) {
		if t == "mqtt" || t == "mqttv3.1" {
			hs.protocol = t
			break
		}
	}
	nonce, err := base64.StdEncoding.DecodeString(hs.key)
	switch {
	case hs.protocol == "":
		refuse(w, http.StatusBadRequest, "no-subprotocol", "this socket speaks MQTT only", "offer the WebSocket subprotocol mqtt (or mqttv3.1), as MQTT libraries do")
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		w.Header().Set("Sec-WebSocket-Version", "13")
		refuse(w, http.StatusUpgradeRequired, "websocket-version", "this WebSocket version is not known here", "use version 13")
	case err != nil || len(nonce) != 16 || len(r.Header.Values("Sec-WebSocket-Key")) != 1:
		refuse(w, http.StatusBadRequest, "websocket-key", "the WebSocket key is not 16 bytes in base64", "use a WebSocket library")
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0:
		refuse(w, http.StatusBadRequest, "websocket-body", "a request for a WebSocket has no body", "use a WebSocket library")
	default:
		return hs, true
	}
	return hs, false
}

// Pauses that refused sockets are told.
const (
	retryBroker = 5 * time.Second  // about what a broker's start takes
	retryFull   = 30 * time.Second // somebody has to leave first
)

// socket forwards one WebSocket to the broker until either side or the front ends it. It returns when that has begun: what
// the server holds for a request is more than a quiet socket needs.
func (f *Front) socket(w http.ResponseWriter, r *http.Request, v visitor) {
	s := f.sockets
	accepted := false
	defer func() {
		if !accepted {
			s.refused.Add(1)
		}
	}()
	if _, ok := f.originOf(r); !ok {
		refuseOrigin(w)
		return
	}
	hs, ok := readHandshake(w, r)
	if !ok {
		return
	}
	ctx, leave, says := s.enter(r, v.key())
	if says != taken {
		refuseEntry(w, says)
		return
	}
	defer func() {
		if !accepted {
			leave()
		}
	}()
	asking, cancel := context.WithTimeout(ctx, f.limits.Handshake)
	defer cancel()
	stop := context.AfterFunc(r.Context(), cancel) // who asks may give up
	up, err := f.ask(asking, hs)
	stop()
	if ctx.Err() == nil && r.Context().Err() == nil { // otherwise it is not the broker's doing
		f.noteBroker(err)
	}
	if err != nil {
		refuseFor(w, http.StatusServiceUnavailable, retryBroker, "broker-off", "the broker takes no sockets at the moment", "")
		return
	}
	client, early, err := hijack(w)
	if err != nil {
		_ = up.conn.Close()
		f.log.Error("cannot take over a web socket's connection", "error", err)
		refuse(w, http.StatusInternalServerError, "internal", "the gateway cannot forward this socket", "tell its owner; the log says more")
		return
	}
	accepted = true
	go func() {
		defer leave()
		s.forward(ctx, client, up, early)
	}()
}

func refuseEntry(w http.ResponseWriter, says verdict) {
	switch says {
	case fullForOne:
		refuseFor(w, http.StatusTooManyRequests, retryFull, "too-many-sockets", "this address holds too many sockets", "close another page of this gateway")
	case fullForAll:
		refuseFor(w, http.StatusServiceUnavailable, retryFull, "full", "all sockets of this gateway are taken", "")
	default:
		refuseFor(w, http.StatusServiceUnavailable, retryBroker, "closing", "the gateway is being closed", "")
	}
}

// noteBroker logs the first failure and the recovery, and nothing in between.
func (f *Front) noteBroker(err error) {
	switch {
	case err == nil && f.sockets.failing.CompareAndSwap(true, false):
		f.log.Info("broker takes web sockets again")
	case err != nil && f.sockets.failing.CompareAndSwap(false, true):
		f.log.Warn("broker takes no web sockets", "error", err)
	}
}

// upstream is a socket that the broker has accepted.
type upstream struct {
	conn  net.Conn
	first []byte // for the client: the broker's answer, and what it said behind that
}

// maxAnswer bounds the header of the broker's answer, in bytes.
const maxAnswer = 8 << 10

// ask has the broker accept a socket before ctx ends. The broker does the handshake itself: its answer is passed
// on.
func (f *Front) ask(ctx context.Context, hs handshake) (upstream, error) {
	address := f.broker()
	if address == "" {
		return upstream{}, errors.New("its listener for WebSockets is off")
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return upstream{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	up, err := greet(conn, address, hs)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return upstream{}, err
	}
	return up, nil
}

func greet(conn net.Conn, address string, hs handshake) (upstream, error) {
	_, err := fmt.Fprintf(conn, "GET /mqtt HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\n\r\n", address, hs.key, hs.protocol)
	if err != nil {
		return upstream{}, err
	}
	in := bufio.NewReader(io.LimitReader(conn, maxAnswer))
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return upstream{}, fmt.Errorf("cannot read its answer: %w", err)
	}
	accept := res.Header.Get("Sec-WebSocket-Accept")
	if res.StatusCode != http.StatusSwitchingProtocols || accept == "" {
		return upstream{}, fmt.Errorf("it answers %s", res.Status)
	}
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + "\r\n"
	if p := res.Header.Get("Sec-WebSocket-Protocol"); p != "" {
		answer += "Sec-WebSocket-Protocol: " + p + "\r\n"
	}
	early, err := in.Peek(in.Buffered())
	return upstream{conn, append([]byte(answer+"\r\n"), early...)}, err
}

// hijack takes the client's connection away from its server, with what the client has said already.
func hijack(w http.ResponseWriter) (net.Conn, []byte, error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early, err := buffered.Reader.Peek(buffered.Reader.Buffered())
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return conn, append([]byte(nil), early...), nil // not the server's own buffer: that is to go
}
