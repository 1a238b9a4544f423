package config

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The checks below take one text and return "" or what to write instead.

const (
	listenLimits = "IP:port or :port, empty for off"
	maxText      = 256 // bytes of any single text
	maxName      = 253 // bytes of a host name, RFC 1035
	maxInterface = 15  // bytes of an interface name, Linux IFNAMSIZ less its zero
)

func checkPrintable(s string) string {
	if len(s) > maxText {
		return fmt.Sprintf("write at most %d characters", maxText)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return "leave out control characters"
		}
	}
	return ""
}

func checkInterface(s string) string {
	if len(s) > maxInterface || strings.ContainsAny(s, "/ :") || checkPrintable(s) != "" {
		return "write the name of a network interface, as `ip link` shows it"
	}
	return ""
}

func checkSerial(s string) string {
	if ok, _ := regexp.MatchString(`^[A-Za-z0-9._-]{1,64}$`, s); !ok {
		return "write the serial number as `wattgate plugs scan` shows it"
	}
	return ""
}

// checkAddress wants host or host:port.
func checkAddress(s string) string {
	const remedy = "write a host name or IP address, with :port if it is known"
	if hostName(s) || address(s) {
		return ""
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || !hostName(host) && !address(host) || !portNumber(port) || port == "0" {
		return remedy
	}
	return ""
}

func checkHost(s string) string {
	switch {
	case s == "" || hostName(s) || address(s):
		return ""
	case strings.Contains(s, "://"):
		return "leave out the scheme, write the host name alone"
	}
	return "write a host name or an IP address, without scheme, port or path"
}

// checkListen wants an IP address because a name can change its meaning between a check and its use.
func checkListen(s string) string {
	if s == "" {
		return ""
	}
	host, port, err := net.SplitHostPort(s)
	switch {
	case err != nil:
		return "write IP:port, as in 0.0.0.0:1883 or [::]:1883, or nothing to turn it off"
	case host != "" && !address(host):
		return "write an IP address before the port, 0.0.0.0 for all"
	case !portNumber(port):
		return "write a port from 0 (any free one) to 65535"
	}
	return ""
}

// address reports an IP address without a zone: a zone is free text.
func address(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == ""
}

func portNumber(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && strconv.FormatUint(n, 10) == s
}

func hostName(s string) bool {
	if len(s) > maxName {
		return false
	}
	labels := strings.Split(s, ".")
	label := regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	if slices.ContainsFunc(labels, func(l string) bool { return !label.MatchString(l) }) {
		return false
	}
	_, err := strconv.Atoi(labels[len(labels)-1]) // a last label of digits is a mistyped IP address
	return err != nil
}

// checkAmount wants an exact decimal. Billing turns it into base units and may demand fewer decimals.
func checkAmount(s string) string {
	switch ok, _ := regexp.MatchString(`^(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?$`, s); {
	case strings.ContainsAny(s, "eE"):
		return "write the amount without an exponent, as in 0.0005"
	case !ok:
		return "write a plain decimal below 1000000000 with at most 9 decimals, as in 0.0005"
	case strings.Trim(s, "0.") == "":
		return "write an amount above 0"
	}
	return ""
}

// conflict is a problem between two keys; it is reported only if both were read without one.
type conflict struct {
	Problem
	with string
}

// crossCheck finds what is wrong between keys that are right by themselves.
func crossCheck(c Config) []conflict {
	var found []conflict
	if c.Publish.Level == Live && c.Ledger.Network == "" {
		found = append(found, conflict{Problem{"publish.level", show(string(Live)),
			"the live stream cannot be sold without a ledger; set ledger.network=sandbox (play money) or another, or publish.level=average"}, "ledger.network"})
	}
	found = append(found, checkLedger(c.Ledger)...)
	listeners := []struct{ key, value string }{
		{"broker.listen", c.Broker.Listen},
		{"broker.tls-listen", c.Broker.TLSListen},
		{"web.listen", c.Web.Listen},
		{"web.tls-listen", c.Web.TLSListen},
		{"metrics.listen", c.Metrics.Listen},
	}
	owner := map[string]string{}
	for _, l := range listeners {
		_, port, err := net.SplitHostPort(l.value)
		if err != nil || port == "0" { // off, refused already, or any free port
			continue
		}
		if first := owner[port]; first != "" {
			found = append(found, conflict{Problem{l.key, show(l.value),
				fmt.Sprintf("port %s belongs to %s; give each its own", port, first)}, first})
			continue
		}
		owner[port] = l.key
	}
	return found
}
