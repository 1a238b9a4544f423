package ssdp

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"

	gossdp "github.com/koron/go-ssdp"
)

// wait is how long answers are awaited, in seconds; also sent as MX, the time
// within which devices spread their answers.
const wait = 1

// maxAnswers bounds what one search returns; a home has some dozens of plugs.
const maxAnswers = 512

// maxPerHost bounds what one address may claim to be: whoever forges answers must
// not make the gateway ask one victim hundreds of times. (The demo has 50 plugs on
// one address.)
const maxPerHost = 64

// Search asks once for each of targets on the interface called name ("" = all
// usable ones) and returns the distinct answers that passed Parse, a second
// later. A search that has begun ends in its own time: cancelling ctx only
// prevents its beginning. Answers are returned also with an error, if some
// interfaces could be searched and others not.
func Search(ctx context.Context, name string, targets []string) ([]Answer, error) {
	ifs, err := Interfaces(name)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex // guards what follows
		answers []Answer
		errs    []error
	)
	for _, ifi := range ifs {
		for _, target := range targets {
			wg.Go(func() {
				found, err := searchOne(ctx, ifi, target)
				mu.Lock()
				defer mu.Unlock()
				answers = append(answers, found...)
				errs = append(errs, err)
			})
		}
	}
	wg.Wait()
	return distinct(answers), errors.Join(errs...)
}

// searchOne searches from one address, by the library or, where that cannot
// send, without it.
func searchOne(ctx context.Context, ifi Interface, target string) ([]Answer, error) {
	local := netip.AddrPortFrom(ifi.Network.Addr(), 0).String()
	services, err := gossdp.Search(target, wait, local, gossdp.OnlySystemInterface())
	if err != nil {
		return searchDirect(ctx, ifi, target)
	}
	var out []Answer
	for _, s := range services {
		if a, err := Parse(s.Location, s.USN, ifi.Network); err == nil && len(out) < maxAnswers {
			out = append(out, a)
		}
	}
	return out, nil
}

// distinct sorts, compacts and bounds answers: a device answers once per target
// and once per path to it.
func distinct(answers []Answer) []Answer {
	key := func(a Answer) string { return a.UDN + " " + a.At.String() }
	slices.SortFunc(answers, func(a, b Answer) int {
		switch x, y := key(a), key(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	answers = slices.Compact(answers)
	perHost := map[netip.Addr]int{}
	answers = slices.DeleteFunc(answers, func(a Answer) bool {
		perHost[a.At.Addr.Addr()]++
		return perHost[a.At.Addr.Addr()] > maxPerHost
	})
	return answers[:min(len(answers), maxAnswers)]
}
