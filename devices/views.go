package devices

import (
	"cmp"
	"slices"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
)

// Plugs returns everything known, sorted by serial: verified plugs, whether
// they count or not, and what was found but could not say who it is.
func (f *Fleet) Plugs() []Plug {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Plug
	known := map[string]bool{} // addresses, with and without port
	for _, p := range f.plugs {
		known[p.at.Addr.String()], known[p.at.Addr.Addr().String()] = true, true
		last := p.sample(now, f.cfg.hold())
		last.Power, last.Relay = p.last.Power, p.last.Relay
		out = append(out, Plug{
			UDN: p.id.UDN, Serial: p.id.Serial, Model: p.id.Model, Firmware: p.id.Firmware,
			FriendlyName: p.id.FriendlyName, MAC: p.id.MAC, Brand: p.brand.Name(),
			Address: p.at.Addr.String(), Metered: p.meter != nil, Allowed: f.allowed(p.id.Serial),
			Health: p.health, Problem: cmp.Or(p.problem, p.governor.words(f.cfg.Interval), p.mute), Events: now.Sub(p.heard) < flowing, Interval: p.governor.interval(f.cfg.Interval), Since: p.since, Last: last,
			Rate: p.rate(now), Missed: p.missed, Read: p.read, Failed: p.failed,
		})
	}
	for _, p := range f.pending {
		if known[p.at] || f.plugs[p.udn] != nil {
			continue // the claim is about a plug that is listed
		}
		out = append(out, Plug{UDN: p.udn, Address: p.at, Health: Discovered, Problem: p.problem, Since: p.since})
	}
	slices.SortFunc(out, func(a, b Plug) int {
		return cmp.Or(cmp.Compare(a.Serial, b.Serial), cmp.Compare(a.UDN, b.UDN), cmp.Compare(a.Address, b.Address))
	})
	return out
}

// Sample returns what is known at now about each expected plug (allowed,
// metered, verified at least once), sorted by UDN. now must carry a monotonic
// clock reading, or clock steps bend the ages.
func (f *Fleet) Sample(now time.Time) []Sample {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Sample
	for _, p := range f.expected() {
		out = append(out, p.sample(now, f.cfg.hold()))
	}
	return out
}

// Average returns the time-weighted mean of each expected plug over the window
// that ends at end, sorted by UDN. A reading counts until the next one, for at
// most MaxHold. end must carry a monotonic clock reading, or clock steps bend
// the result; a window above MaxWindow is never fully covered.
func (f *Fleet) Average(end time.Time, window time.Duration) []Average {
	to := end.Sub(f.epoch)
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Average
	for _, p := range f.expected() {
		a := Average{UDN: p.id.UDN, Serial: p.id.Serial}
		mean, covered := p.history.mean(to-window, to, f.cfg.hold())
		if window > 0 {
			a.Mean, a.Coverage = mean, covered.Seconds()/window.Seconds()
			a.Known = 2*covered >= window
		}
		if p.count != nil {
			a.Energy, a.HasEnergy = p.count.energy(), true
		}
		out = append(out, a)
	}
	return out
}

// Energy returns the sum of every counter there ever was, which never falls as
// long as state is saved and given back in Options.Energy: plugs that left keep
// their part.
func (f *Fleet) Energy() (total MilliwattHours, state map[string]EnergyState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	state = make(map[string]EnergyState, len(f.energy))
	var sum driver.MilliwattMinutes
	for udn, c := range f.energy {
		state[udn] = c.EnergyState
		sum += c.Counted
	}
	return MilliwattHours(sum / 60), state
}
