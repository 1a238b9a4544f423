package devices

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
	"github.com/wattgate/wattgate/devices/ssdp"
)

// How often to search. A search is one multicast datagram per target and
// interface, and datagrams get lost, so searches come in bursts.
const (
	burst       = 2                // searches in a row
	routine     = time.Minute      // between bursts when all is well
	eagerPause  = 2 * time.Second  // while a plug is missing, in the first minute
	patientWait = 10 * time.Second // while a plug is missing, after that
	eagerFor    = time.Minute
	missedFor   = 10 * time.Minute // a plug lost for longer is searched for like any other
)

// Bounds of verifying what answered.
const (
	verifiers    = 16               // at a time
	verifyBudget = 10 * time.Second // for all answers of one search
)

var errOtherPlug = errors.New("another plug answers at this address")

// discover searches until ctx ends.
func (f *Fleet) discover(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		for range burst {
			if err := f.look(ctx); ctx.Err() == nil {
				f.tellSearch(err)
			}
			if !f.config().Discover {
				break
			}
		}
		if !wait(ctx, timer, f.pauseSearch(time.Now()), f.nudged) {
			return
		}
	}
}

// config returns the configuration in force.
func (f *Fleet) config() Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cfg
}

// tellSearch logs when searching begins to fail and when it works again.
func (f *Fleet) tellSearch(err error) {
	f.mu.Lock()
	before := f.searched
	f.searched = err
	f.mu.Unlock()
	switch {
	case err != nil && before == nil:
		f.log.Warn("search for plugs fails", "problem", driver.Problem(err))
	case err == nil && before != nil:
		f.log.Info("search for plugs works again")
	}
}

// pauseSearch returns how long to wait before the next burst.
func (f *Fleet) pauseSearch(now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.missing(now):
		return routine
	case now.Before(f.eager):
		return eagerPause
	}
	return patientWait
}

// missing reports whether a plug that should be there is not: an allowed serial
// that was never seen, an expected plug lost not long ago, a configured address
// without a plug since not long ago. The caller holds mu.
func (f *Fleet) missing(now time.Time) bool {
	known := map[string]bool{}
	for _, p := range f.plugs {
		known[p.id.Serial] = true
	}
	for _, serial := range f.cfg.Allow {
		if !known[serial] {
			return true
		}
	}
	for _, p := range f.expected() {
		if p.health == Unreachable && now.Sub(p.since) < missedFor {
			return true
		}
	}
	for _, p := range f.pending {
		if p.udn == "" && now.Sub(p.since) < missedFor {
			return true
		}
	}
	return false
}

// look searches once and asks everything new who it is. The configured
// addresses are asked meanwhile.
func (f *Fleet) look(ctx context.Context) error {
	cfg := f.config()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		vctx, cancel := context.WithTimeout(ctx, verifyBudget)
		defer cancel()
		f.visit(vctx, cfg.Addresses)
	})
	wg.Go(func() {
		vctx, cancel := context.WithTimeout(ctx, verifyBudget)
		defer cancel()
		f.attend(vctx)
	})
	if !cfg.Discover {
		return nil
	}
	answers, err := f.search(ctx, cfg.Interface, targets(f.brands))
	if ctx.Err() != nil {
		return nil
	}
	vctx, cancel := context.WithTimeout(ctx, verifyBudget)
	defer cancel()
	each(vctx, answers, func(a ssdp.Answer) { f.verify(vctx, a) })
	return err
}

// each calls do for every item, some at a time and in no order, until ctx ends,
// and waits. Without an order each has the same chance, should there be more
// than the time allows.
func each[T any](ctx context.Context, items []T, do func(T)) {
	items = slices.Clone(items)
	rand.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	var wg sync.WaitGroup
	defer wg.Wait()
	room := make(chan struct{}, verifiers)
	for _, item := range items {
		select {
		case <-ctx.Done():
			return
		case room <- struct{}{}:
		}
		wg.Go(func() {
			defer func() { <-room }()
			do(item)
		})
	}
}

// verify asks the one who answered a search who it is, unless that is known.
func (f *Fleet) verify(ctx context.Context, a ssdp.Answer) {
	if f.settled(a, time.Now()) || !f.due(a.UDN, time.Now()) {
		return
	}
	n, err := ask(ctx, a.At, searchables(f.brands))
	if err == nil && n.id.UDN != a.UDN {
		err = errOtherPlug
	}
	switch {
	case err == nil:
		f.admit(n, true, time.Now())
	case ctx.Err() == nil:
		f.deny(a.UDN, a.UDN, a.At.Addr.String(), err, time.Now())
	}
}

// settled reports whether an answer tells nothing new. A plug that is being
// read well is left where it is: the same one may answer over two paths, and an
// answer is easily forged.
func (f *Fleet) settled(a ssdp.Answer, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.plugs[a.UDN]
	if !ok {
		return false
	}
	p.seen = now
	if p.suspect || p.health == Unreachable {
		return false
	}
	return p.at.Addr == a.At.Addr || p.health == Online
}

// ask asks who lives at at, brand by brand.
func ask(ctx context.Context, at driver.Location, bs []brand) (found, error) {
	var why []string
	for _, b := range bs {
		id, meter, err := b.Describe(ctx, at)
		if err == nil {
			return found{id, b, at, meter}, nil
		}
		if s := err.Error(); !slices.Contains(why, s) {
			why = append(why, s)
		}
	}
	return found{}, errors.New(strings.Join(why, "; or: "))
}
