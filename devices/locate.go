package devices

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
	"github.com/wattgate/wattgate/devices/guard"
)

// visit asks the configured addresses at which no plug is known.
func (f *Fleet) visit(ctx context.Context, addresses []string) {
	f.tidy(addresses, time.Now())
	each(ctx, addresses, func(address string) {
		key := "address " + address
		if !f.due(key, time.Now()) {
			return
		}
		at, err := resolve(ctx, address)
		if err == nil && f.inhabited(at) {
			return
		}
		var n found
		if err == nil {
			n, err = f.askPorts(ctx, at)
		}
		switch {
		case err == nil:
			f.forget(key)
			f.admit(n, true, time.Now())
		case ctx.Err() == nil:
			f.deny(key, "", driver.Clean(address), err, time.Now())
		}
	})
}

// forget drops a claim that became a plug.
func (f *Fleet) forget(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pending, key)
}

// tidy drops the claims of addresses no longer configured, and those of
// searches not heard for some minutes.
func (f *Fleet) tidy(addresses []string, now time.Time) {
	keep := map[string]bool{}
	for _, a := range addresses {
		keep["address "+a] = true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, p := range f.pending {
		if p.udn == "" && !keep[key] || p.udn != "" && now.Sub(p.seen) > pendingFor {
			delete(f.pending, key)
		}
	}
}

// inhabited reports whether a known plug lives at at (any port, if at has none)
// and needs no visit. Where one was lost another may have moved in.
func (f *Fleet) inhabited(at netip.AddrPort) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.plugs {
		if p.at.Addr.Addr() == at.Addr() && (at.Port() == 0 || p.at.Addr.Port() == at.Port()) && p.health != Unreachable {
			return true
		}
	}
	return false
}

// resolve turns host or host:port into an address; port 0 = not given.
func resolve(ctx context.Context, address string) (netip.AddrPort, error) {
	host, port := address, uint64(0)
	if h, p, err := net.SplitHostPort(address); err == nil {
		host = h
		if port, err = strconv.ParseUint(p, 10, 16); err != nil || port == 0 {
			return netip.AddrPort{}, fmt.Errorf("cannot use address %q: the port is not a number from 1 to 65535", driver.Clean(address))
		}
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(ip.Unmap(), uint16(port)), nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
	if err != nil || len(ips) == 0 {
		return netip.AddrPort{}, fmt.Errorf("cannot find the address of %q", driver.Clean(host))
	}
	return netip.AddrPortFrom(ips[0].Unmap(), uint16(port)), nil
}

// askPorts asks who lives at at, on each port that some brand uses if at has
// none.
func (f *Fleet) askPorts(ctx context.Context, at netip.AddrPort) (found, error) {
	if at.Port() != 0 {
		return ask(ctx, driver.Location{Addr: at}, f.brands)
	}
	err := errors.New("no plug answers on the usual ports")
	for _, b := range f.brands {
		for _, port := range ports(b) {
			loc := driver.Location{Addr: netip.AddrPortFrom(at.Addr(), port)}
			id, meter, e := b.Describe(ctx, loc)
			if e == nil {
				return found{id, b, loc, meter}, nil
			}
			if nobody := guard.NoAnswer(""); !errors.As(e, &nobody) {
				err = e // somebody is there, and cannot be read
			}
			if ctx.Err() != nil {
				return found{}, err
			}
		}
	}
	return found{}, err
}
