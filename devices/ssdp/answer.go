package ssdp

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/wattgate/wattgate/devices/driver"
)

var (
	udnForm  = regexp.MustCompile(`^uuid:[A-Za-z0-9_:.-]{1,96}$`)
	pathForm = regexp.MustCompile(`^/[A-Za-z0-9_./-]{0,127}$`)
)

// Answer is one device's answer to a search: a claim, not yet verified.
type Answer struct {
	UDN string
	At  driver.Location
}

// Parse checks an answer's LOCATION and USN headers. The location must be a
// plain HTTP address inside network: whoever answers a search could otherwise
// point the gateway at any machine.
func Parse(location, usn string, network netip.Prefix) (Answer, error) {
	if len(location) > 256 || len(usn) > 256 {
		return Answer{}, fmt.Errorf("cannot use search answer: header too long")
	}
	udn, _, _ := strings.Cut(usn, "::")
	if !udnForm.MatchString(udn) {
		return Answer{}, fmt.Errorf("cannot use search answer: malformed USN %q", driver.Clean(usn))
	}
	u, err := url.Parse(location)
	if err != nil || u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !pathForm.MatchString(u.Path) {
		return Answer{}, fmt.Errorf("cannot use search answer: malformed location %q", driver.Clean(location))
	}
	host := u.Host
	if u.Port() == "" {
		host += ":80"
	}
	addr, err := netip.ParseAddrPort(host)
	if err != nil || addr.Port() == 0 || !addr.Addr().Is4() {
		return Answer{}, fmt.Errorf("cannot use search answer: location %q has no IPv4 address", driver.Clean(location))
	}
	if !network.Masked().Contains(addr.Addr()) {
		return Answer{}, fmt.Errorf("cannot use search answer: location %s lies outside the network %s that was searched", addr, network.Masked())
	}
	return Answer{UDN: udn, At: driver.Location{Addr: addr, Path: u.Path}}, nil
}
