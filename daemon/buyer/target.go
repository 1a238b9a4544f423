package buyer

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// Target is a gateway as its URL names it: mqtt://host:port or mqtts://host:port, with the gateway's fingerprint behind
// a # where the buyer knows it.
type Target struct {
	Broker      string // scheme://host:port
	TLS         bool
	Fingerprint string // 64 lower-case hexadecimal digits, or empty: trust what answers first, and only that from then on
}

// ParseTarget reads a gateway's URL.
func ParseTarget(raw string) (Target, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Target{}, fmt.Errorf("cannot read the gateway's URL: %w (write it like mqtt://host:1883)", err)
	}
	t := Target{TLS: u.Scheme == "mqtts", Fingerprint: strings.ToLower(u.Fragment)}
	port := u.Port()
	switch {
	case u.Scheme != "mqtt" && u.Scheme != "mqtts":
		return Target{}, fmt.Errorf("cannot use the URL %q: it must begin with mqtt:// or mqtts://", raw)
	case !goodHost(u.Hostname()) || !goodPort(port) || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return Target{}, fmt.Errorf("cannot use the URL %q: write it like mqtts://host:8883#FINGERPRINT", raw)
	case port == "" && t.TLS:
		port = "8883"
	case port == "":
		port = "1883"
	}
	if t.Fingerprint != "" && (len(t.Fingerprint) != 64 || strings.Trim(t.Fingerprint, "0123456789abcdef") != "") {
		return Target{}, errors.New("cannot use the fingerprint behind the #: it has 64 hexadecimal digits")
	}
	t.Broker = u.Scheme + "://" + net.JoinHostPort(u.Hostname(), port)
	return t, nil
}

// goodHost takes names and addresses that a broker's URL can hold; a zone (fe80::1%eth0) it cannot.
func goodHost(host string) bool {
	if strings.Contains(host, ":") {
		ip, err := netip.ParseAddr(host)
		return err == nil && ip.Zone() == ""
	}
	return host != "" && strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}

func goodPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

// peerPin checks who is at the other end of TLS by the certificate that a gateway's signed offer names. Gateways make their
// own certificates, so names and authorities say nothing; before the offer was read, nothing secret is sent.
type peerPin struct {
	mu    sync.Mutex
	want  string // guarded by mu: lower-case hex SHA-256 of the certificate
	known bool   // guarded by mu: the offer was read, want is what it names
	seen  string // guarded by mu: of the last connection; empty without TLS
}

func (p *peerPin) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, VerifyConnection: p.verify}
}

func (p *peerPin) verify(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the gateway shows no certificate")
	}
	sum := sha256.Sum256(s.PeerCertificates[0].Raw)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = hex.EncodeToString(sum[:])
	return p.compare()
}

// trust sets the certificate that the offer names, and fails if the present connection showed another.
func (p *peerPin) trust(sha256 string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.want, p.known = sha256, true
	return p.compare()
}

// compare is called with mu held.
func (p *peerPin) compare() error {
	if !p.known || p.seen == "" || p.seen == p.want {
		return nil
	}
	if p.want == "" {
		return errors.New("cannot trust this connection: the gateway's signed offer names no certificate (the owner sets public.host; without TLS use mqtt://)")
	}
	return fmt.Errorf("cannot trust this connection: its certificate is %s, but the gateway's signed offer names %s (somebody listens in, or the certificate was just renewed: try again)", p.seen, p.want)
}
