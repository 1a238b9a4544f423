package acl

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// silence is how long Check waits for its marker.
const silence = 250 * time.Millisecond

// State is what Check found.
type State int

// Paid messages may go out in the state Open alone.
const (
	Unproven State = iota // no proof for this broker and policy: Apply makes one
	Open                  // the broker obeys now
	Silent                // the marker did not come back in 250 ms: skip this slot
	Breached              // the broker or its files disobey: Restore, then Apply
	Hung                  // silent for 10 s without computing: Restore, then Apply
)

// String names the state for logs and status.
func (s State) String() string {
	switch s {
	case Open:
		return "open"
	case Silent:
		return "silent"
	case Breached:
		return "breached"
	case Hung:
		return "hung"
	}
	return "unproven"
}

// Verdict is the answer of Check; its zero value is not Open.
type Verdict struct {
	State  State
	Reason string // empty when Open
}

// Check asks right before paid messages go out whether they may. It sends the
// canary and the marker, waits until the anonymous watch has seen the marker,
// which the broker delivers after a leaked canary, and compares inode, size
// and times of the three files with what was written. A breach stays until
// the next proof. It takes about 0.1 ms on an idle broker (BenchmarkCheck), at
// most 250 ms.
func (g *Gate) Check(ctx context.Context) Verdict {
	if v := g.ready(); v.State != Open {
		return v
	}
	err := g.exchange(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if changed := g.touched(aclName, passwdName, confName); changed != "" && g.proof != nil {
		if g.brokerReplaced() { // a starting broker writes files too
			g.unprove("the broker was started again")
		} else {
			g.breached(changed)
		}
	}
	if g.breach != "" {
		return Verdict{Breached, g.breach}
	}
	if g.proof == nil {
		return Verdict{Unproven, g.reason}
	}
	if err != nil {
		return g.silent(err)
	}
	g.still = stillness{}
	return Verdict{State: Open}
}

// silent tells a busy broker from a hung one. mu is held.
func (g *Gate) silent(why error) Verdict {
	if g.still.observe(g.proof.BrokerPID) < hangsAfter {
		return Verdict{Silent, why.Error()}
	}
	g.still = stillness{}
	g.breached(ErrHung.Error())
	return Verdict{Hung, ErrHung.Error()}
}

// ready tells whether a proof stands for the broker both links talk to.
func (g *Gate) ready() Verdict {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.breach != "" {
		return Verdict{Breached, g.breach}
	}
	if g.proof == nil {
		return Verdict{Unproven, g.reason}
	}
	watch, sender, proven := g.watch.pid(), g.sender.pid(), g.proof.BrokerPID
	if (watch != 0 && watch != proven) || (sender != 0 && sender != proven) {
		g.unprove("the broker was started again")
		return Verdict{Unproven, g.reason}
	}
	return Verdict{State: Open}
}

// brokerReplaced tells whether the proven broker has given up the lock, which
// its successor takes before it writes. mu is held and there is a proof.
func (g *Gate) brokerReplaced() bool {
	pid, err := LockHolder(filepath.Join(g.dir, LockName))
	return err == nil && pid != g.proof.BrokerPID
}

// exchange sends canary and marker and waits for the marker.
func (g *Gate) exchange(ctx context.Context) error {
	sender := g.sender.session()
	if sender == nil || g.watch.session() == nil {
		return errors.New("the gate is not connected to the broker")
	}
	mark, seen, forget := g.marks.expect()
	defer forget()
	for _, topic := range []string{CanaryPaid, CanaryFree} {
		if err := sender.publish(topic, mark); err != nil {
			return fmt.Errorf("cannot send the canary: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	select {
	case <-seen:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the marker did not come back within %v", silence)
	}
}

// seen judges what the anonymous watch received.
func (g *Gate) seen(topic string, payload []byte) {
	switch {
	case topic == CanaryFree:
		g.marks.arrived(payload)
	case topic == CanaryPaid:
		g.leaked("an anonymous client received the canary")
	case strings.HasPrefix(topic, "$canary/"):
		g.leaked("an anonymous client received a message of the probe's")
	default:
		g.mu.Lock()
		judged := g.judged[topic]
		g.mu.Unlock()
		if judged {
			g.leaked("an anonymous client received the paid topic " + topic)
		}
	}
}

func (g *Gate) leaked(reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leaks++
	g.breached(reason)
}

func (g *Gate) leakCount() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.leaks
}

// breached withdraws the proof, if there is one: before it, what a broker on
// old files shows is no breach of anything promised. mu is held.
func (g *Gate) breached(reason string) {
	if g.proof == nil {
		return
	}
	g.log.Error("breach: paid data is withheld", "reason", reason, "broker_pid", g.proof.BrokerPID)
	g.breach = reason
	g.withdraw(reason)
}

// expect prepares the watch for a policy that is about to be installed. Until
// it is proven, a topic counts as leaked only if old and new policy protect
// it.
func (g *Gate) expect(p Policy) {
	paid := topicSet(p.Paid)
	g.mu.Lock()
	defer g.mu.Unlock()
	for t := range g.judged {
		if !paid[t] {
			delete(g.judged, t)
		}
	}
}

// watchFilters is what the anonymous watch subscribes to.
func watchFilters(paid []string) []string {
	return append([]string{"#", canaryRoot}, slices.Clone(paid)...)
}

// maxMark bounds a marker's payload in bytes.
const maxMark = 64

// marks matches markers that come back with those who wait for them.
type marks struct {
	prefix string // random per start

	mu      sync.Mutex
	seq     uint64
	waiting map[string]chan struct{}
}

// expect returns a new marker, a channel that is closed when it has come
// back, and a function that ends the wait.
func (m *marks) expect() (mark string, seen <-chan struct{}, forget func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting == nil {
		m.waiting = map[string]chan struct{}{}
	}
	m.seq++
	mark = m.prefix + " " + strconv.FormatUint(m.seq, 10)
	c := make(chan struct{})
	m.waiting[mark] = c
	return mark, c, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.waiting, mark)
	}
}

func (m *marks) arrived(payload []byte) {
	if len(payload) > maxMark {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.waiting[string(payload)]; ok {
		close(c)
		delete(m.waiting, string(payload))
	}
}
