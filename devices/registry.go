package devices

import (
	"net/netip"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
)

// Bounds of what is kept, whatever the network sends.
const (
	maxPlugs    = 512  // verified plugs
	maxPending  = 256  // claims that could not be verified
	maxCounters = 1024 // energy counters of every plug ever seen

	pendingFor = 5 * time.Minute // a claim is kept after it was last heard
)

// found is a plug that has just said who it is.
type found struct {
	id    driver.Identity
	brand brand
	at    driver.Location
	meter driver.Meter
}

// admit takes a verified plug into the registry, or notes where a known one is
// now. wake ends the pause in which a lost plug is left alone: once until it can
// be read again, or when it moved, lest one that can say who it is but not be
// read gets no rest.
func (f *Fleet) admit(n found, wake bool, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pending, n.id.UDN)
	for udn, p := range f.plugs {
		if udn != n.id.UDN && p.at.Addr == n.at.Addr {
			p.suspect = true // another one lives there now
		}
	}
	p, known := f.plugs[n.id.UDN]
	if !known {
		if !f.makeRoom(n.id.Serial) {
			return
		}
		p = &plug{moved: make(chan struct{}, 1), renew: make(chan struct{}, 1), udn: n.id.UDN, since: now, health: Verified, count: f.energy[n.id.UDN]}
		f.plugs[n.id.UDN] = p
	}
	from := p.at.Addr
	p.id, p.brand, p.at, p.meter = n.id, n.brand, n.at, n.meter
	p.suspect, p.seen, p.named = false, now, now
	if p.meter == nil {
		p.enter(Unmetered, "this model has no meter", now)
	} else if p.health == Unmetered || p.health == Unreachable && !f.allowed(p.id.Serial) {
		p.enter(Verified, "", now)
	}
	f.tell(p, known, from)
	if known && from != p.at.Addr {
		signal(p.renew)
	}
	if known && wake && (from != p.at.Addr || !p.woken) {
		p.woken = true
		signal(p.moved)
	}
	signal(f.changed)
}

// tell logs that a plug was found or has moved; one that does not count is
// mentioned only at debug level. The caller holds mu.
func (f *Fleet) tell(p *plug, known bool, from netip.AddrPort) {
	log := f.log.Info
	if !f.allowed(p.id.Serial) {
		log = f.log.Debug
	}
	switch at := p.at.Addr; {
	case !known:
		log("plug found", "serial", p.id.Serial, "name", p.id.FriendlyName, "model", p.id.Model, "address", at.String(), "metered", p.meter != nil)
	case from != at:
		log("plug moved", "serial", p.id.Serial, "name", p.id.FriendlyName, "from", from.String(), "address", at.String())
	}
}

// makeRoom makes room for one more plug, by forgetting the one seen longest ago
// among those that do not count or never gave a reading. The caller holds mu.
func (f *Fleet) makeRoom(serial string) bool {
	if len(f.plugs) < maxPlugs {
		return true
	}
	var oldest *plug
	for _, p := range f.plugs {
		counts := p.meter != nil && f.allowed(p.id.Serial)
		if counts && (p.health != Unreachable || p.read > 0) {
			continue
		}
		if oldest == nil || p.seen.Before(oldest.seen) {
			oldest = p
		}
	}
	if oldest == nil || !f.allowed(serial) {
		if !f.crowded {
			f.crowded = true
			f.log.Warn("too many plugs on this network, further ones are ignored (list yours in plugs.allow)", "limit", maxPlugs)
		}
		return false
	}
	delete(f.plugs, oldest.id.UDN)
	return true
}

// pending is a claim that was not verified: an answer to a search, or a
// configured address.
type pending struct {
	at      string // address as text
	udn     string // claimed; "" for a configured address
	problem string
	since   time.Time
	seen    time.Time
	after   time.Time // not asked again before
	vain    int       // attempts
}

// due reports whether a claim may be asked now.
func (f *Fleet) due(key string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.pending[key]
	return !ok || !now.Before(p.after)
}

// deny notes that the claim key could not be verified.
func (f *Fleet) deny(key, udn, at string, err error, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.pending[key]
	if !ok {
		if len(f.pending) >= maxPending {
			f.forgetPending()
		}
		p = &pending{since: now, udn: udn}
		f.pending[key] = p
	}
	p.at, p.seen, p.problem = at, now, driver.Problem(err)
	p.after = now.Add(pause(p.vain, 0.5))
	p.vain++
}

// forgetPending drops the claim seen longest ago. The caller holds mu.
func (f *Fleet) forgetPending() {
	var oldest string
	for key, p := range f.pending {
		if oldest == "" || p.seen.Before(f.pending[oldest].seen) {
			oldest = key
		}
	}
	delete(f.pending, oldest)
}
