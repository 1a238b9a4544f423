package daemon

import (
	"sync"
	"time"
)

// floodedFor is how long the pace of orders must be used up without a pause until they count as a flood. 150 orders in
// half a second are more than people send.
const floodedFor = 500 * time.Millisecond

// How long the topic of orders is closed after a flood: twice as long each time that the flood is still there when it is
// opened again, or comes back within as long as it was closed.
const (
	closedFirst = time.Minute
	closedMost  = time.Hour
)

// flood decides when the topic of orders is closed. For each order the broker asks of every client that subscribes to #
// whether he may read it, so that a thousand strangers who listen and some who send could stall it for all who paid. A
// topic that may not be written is refused at the door.
type flood struct {
	mu     sync.Mutex // guards what follows
	since  time.Time  // when the pace began to be used up; zero: it is not
	closed time.Time  // until when the topic is closed
	length time.Duration
}

// judge is told regularly whether the pace was used up, and says whether that makes it a flood now.
func (f *flood) judge(now time.Time, usedUp bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !usedUp || now.Before(f.closed) { // what is read while it is closed was on its way
		f.since = time.Time{}
		return false
	}
	if f.since.IsZero() {
		f.since = now
	}
	if now.Sub(f.since) < floodedFor {
		return false
	}
	if now.Sub(f.closed) <= f.length {
		f.length = min(2*f.length, closedMost)
	} else {
		f.length = closedFirst
	}
	f.since, f.closed = time.Time{}, now.Add(f.length)
	return true
}

// now says whether the topic is closed.
func (f *flood) now(now time.Time) bool { return now.Before(f.until()) }

func (f *flood) until() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}
