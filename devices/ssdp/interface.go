package ssdp

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// maxInterfaces bounds how many addresses are searched from: a machine with
// many containers has hundreds of interfaces, none of them with plugs.
const maxInterfaces = 16

// Interface is one IPv4 address of a network interface to search from.
type Interface struct {
	Name    string
	Network netip.Prefix // own address and length of the network's prefix

	ifi net.Interface
}

// Interfaces lists where to search: the interface called name, or if name is
// "" all that are up and connected, can multicast and are neither loopback nor point to
// point. Plugs speak IPv4 only.
func Interfaces(name string) ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("cannot list network interfaces: %w", err)
	}
	var out []Interface
	var names []string
	for _, ifi := range all {
		names = append(names, ifi.Name)
		if !usable(ifi, name) {
			continue
		}
		for _, n := range networks(ifi) {
			if len(out) < maxInterfaces {
				out = append(out, Interface{Name: ifi.Name, Network: n, ifi: ifi})
			}
		}
	}
	if len(out) == 0 && name != "" {
		return nil, fmt.Errorf("cannot search on interface %q: it is not there, not up or has no IPv4 address (set plugs.interface to one of: %s)", name, strings.Join(names, ", "))
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("cannot search for plugs: no network interface that is up has an IPv4 address")
	}
	return out, nil
}

func usable(ifi net.Interface, name string) bool {
	if name != "" {
		return ifi.Name == name && ifi.Flags&net.FlagUp != 0
	}
	const need = net.FlagUp | net.FlagRunning | net.FlagMulticast
	return ifi.Flags&need == need && ifi.Flags&(net.FlagLoopback|net.FlagPointToPoint) == 0
}

func networks(ifi net.Interface) []netip.Prefix {
	addrs, err := ifi.Addrs()
	if err != nil {
		return nil // it went away between listing and asking
	}
	var out []netip.Prefix
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			out = append(out, p)
		}
	}
	return out
}
