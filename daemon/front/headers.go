package front

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// harden sets what holds for every answer.
func harden(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}

// hardenPage sets what holds for the page and its parts.
func hardenPage(h http.Header, r *http.Request) {
	h.Set("Content-Security-Policy", policy(r.Host))
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), hid=(), bluetooth=(), midi=()")
	// Over plain HTTP from another machine, browsers ignore it and complain on the console.
	if Secure(r) || isLoopback(r.Host) {
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
}

// isHostName admits names and IPv4 addresses, and nothing that could end a directive.
func isHostName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}

// policy is the content security policy of the page: only its own files, and sockets to its own host on any port, as the
// page tests the broker's other doors. 'self' names the page's own socket, too, but older Safari does not know that.
// A policy cannot name an IPv6 address; there 'self' has to do.
func policy(host string) string {
	connect := "'self'"
	if name := hostName(host); isHostName(name) {
		connect += " ws://" + name + ":* wss://" + name + ":*"
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; manifest-src 'self'; " +
		"connect-src " + connect + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// hostName is the host without its port.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

func isLoopback(host string) bool {
	name := hostName(host)
	a, err := netip.ParseAddr(name)
	return name == "localhost" || name == "[::1]" || err == nil && a.IsLoopback()
}
