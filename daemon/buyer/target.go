package buyer

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
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
	case u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
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

// tlsConfig encrypts without asking who it is: gateways make their own certificates, and who a gateway is, its signature
// tells. Nothing secret is sent before that was checked; see credentialsMayGo for what is sent afterwards.
func (t Target) tlsConfig(seen func(tls.ConnectionState) error) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, VerifyConnection: seen}
}
