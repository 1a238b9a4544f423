package daemon

import (
	"time"

	"github.com/wattgate/wattgate/daemon/broker"
	"github.com/wattgate/wattgate/daemon/config"
)

// The pause between two fresh starts of a broker that goes on listening otherwise than configured: doubled from the first
// to the last. Right after a change the broker may still read what was set before; a file that was edited and never
// reloaded will not change by itself.
const (
	firstRestart = 2 * time.Second
	lastRestart  = 5 * time.Minute
)

// brokerStarts paces the fresh starts for the sake of the listeners.
type brokerStarts struct {
	pause time.Duration // after the last one; 0: the broker listens as configured
	next  time.Time     // not before
}

// due says whether the broker, which was started with has, is to be started afresh for want.
func (b *brokerStarts) due(has, want config.Broker, now time.Time) bool {
	if has == want {
		*b = brokerStarts{}
		return false
	}
	if b.pause > 0 && now.Before(b.next) {
		return false
	}
	b.pause = min(max(2*b.pause, firstRestart), lastRestart)
	b.next = now.Add(b.pause)
	return true
}

// matchBroker has a broker started afresh that listens otherwise than configured. It reads its listeners at its start
// only, and it may have been started before the last change, or without this gateway.
func (g *Gateway) matchBroker() {
	if g.gate.Status().BrokerPID == 0 {
		return // whoever stopped it will start it with what is set then
	}
	has, known, err := broker.Started(g.o.Dirs.Broker())
	if err != nil || !known {
		return // a broker that starts leaves word anew
	}
	if g.starts.due(has, g.config().Broker, time.Now()) {
		g.restartBroker("its listeners changed")
	}
}
