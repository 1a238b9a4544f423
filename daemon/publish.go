package daemon

import (
	"context"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/readings"
	"github.com/wattgate/wattgate/devices"
)

// averageWindow is the time the free average covers.
const averageWindow = time.Minute

// slots hands out the publishing grid: the wall clock's multiples of 500 ms, numbered by the time that really passed.
type slots struct {
	run   string
	seq   uint64
	start time.Time // with monotonic reading; of the slot before
	at    time.Time // of the slot before
}

// next is the slot after now. seq counts the slots that went by as well, so a subscriber sees how many he missed; a
// step of the wall clock moves the grid and not the count.
func (s *slots) next(now time.Time) slotID {
	at := now.Truncate(grid).Add(grid)
	if at.Equal(s.at) { // the clock was set back a little: a slot is published once
		at = at.Add(grid)
	}
	s.at = at
	// Truncate and Add on a time with a monotonic reading: Truncate strips it, so the wait is computed by the caller.
	wait := at.Sub(now.Round(0))
	begins := now.Add(wait)
	if !s.start.IsZero() {
		s.seq += max(1, uint64((begins.Sub(s.start)+grid/2)/grid))
	}
	s.start = begins
	return slotID{at: at, run: s.run, seq: s.seq}
}

// publish sends the readings of all plugs together, slot by slot, until ctx ends.
func (g *Gateway) publish(ctx context.Context) {
	s := slots{run: g.run}
	g.averaged = time.Now().Truncate(g.config().Publish.AverageEvery)
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for {
		slot := s.next(time.Now())
		timer.Reset(time.Until(s.start))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		// A machine that slept, or was stopped, wakes up long after the slot: what is due now is another one.
		if time.Since(s.start) > grid {
			continue
		}
		g.publishSlot(ctx, slot)
	}
}

// publishSlot asks the gate, then publishes.
func (g *Gateway) publishSlot(ctx context.Context, slot slotID) {
	g.publishing.Lock()
	defer g.publishing.Unlock()
	cfg, who := g.config(), g.audience()
	samples := g.fleet.Sample(time.Now())
	g.state.setPlugs(samples)
	g.watchEnergy(ctx, samples)
	open := g.askGate(ctx)
	if open {
		asked := time.Now()
		if g.sendLive(slot, samples).WaitTimeout(grid) {
			g.metrics.window.Observe(time.Since(asked).Seconds())
		}
	} else {
		g.metrics.withheld.Add(grid.Seconds())
	}
	switch {
	case !open:
		g.noteWithheld(g.state.closedFor())
	case who.level == config.Private:
		g.noteWithheld("the owner set the level to private")
	default:
		g.noteWithheld("")
	}
	if due := slot.at.Truncate(cfg.Publish.AverageEvery); due.After(g.averaged) {
		g.averaged = due
		g.sendAverage(ctx, due, open)
	}
	if g.state.judge(time.Now()) {
		g.tellState()
	}
}

// askGate has the broker's obedience proven once more and acts on the answer. It asks also while the publisher is not
// connected: a broker that lost its accounts lets nobody in but the watch, and only the gate can tell that from one that
// is away.
func (g *Gateway) askGate(ctx context.Context) bool {
	began := time.Now()
	check := g.gate.Check(ctx)
	if check.State == acl.Open && !g.link.isUp() {
		check = acl.Verdict{State: acl.Silent, Reason: "the broker is not connected"}
	}
	g.metrics.check.Observe(time.Since(began).Seconds())
	g.metrics.slot(check.State)
	g.state.gate(check.State == acl.Open, check.Reason)
	switch check.State {
	case acl.Open:
		return true
	case acl.Breached, acl.Hung:
		g.breach(check.Reason)
	case acl.Unproven:
		g.Nudge()
	}
	return false
}

// sendLive publishes one slot of the live topics; the token is done when the last message was written to the broker.
func (g *Gateway) sendLive(slot slotID, samples []devices.Sample) mqtt.Token {
	now := time.Now()
	sum := sumOf(slot, now, samples, g.energyNow(now))
	payload := encode(sum)
	last := g.sendReading(topicLive, payload, sum.PowerW)
	g.feed.send(payload)
	for _, s := range samples {
		id := g.readings.PlugID(s.UDN, s.Serial)
		one := plugLive(slot, now, id, s)
		last = g.sendReading(plugTopic(id, "live"), encode(one), one.PowerW)
	}
	return last
}

func (g *Gateway) sendReading(topic string, payload []byte, w *float64) mqtt.Token {
	last := g.link.reading(topic, payload)
	if number, ok := bare(w); ok {
		last = g.link.reading(topic+bareSuffix, number)
	}
	return last
}

// sendAverage publishes and stores the averages of the minute that ends now. What not everybody may read goes out behind
// the gate, like the live stream: open says what the gate said.
func (g *Gateway) sendAverage(ctx context.Context, end time.Time, open bool) {
	g.keepEnergy(ctx)
	averages := g.fleet.Average(time.Now(), averageWindow)
	if len(averages) == 0 {
		return
	}
	sum := minuteOfSum(end, averageWindow, averages, g.energyNow(time.Now()))
	who := g.audience()
	// What was private stays private: raising the level must not show the day before it.
	if who.level != config.Private {
		if err := g.readings.AddAverage(ctx, historyOfMinute(end, sum)); err != nil {
			g.log.Error("cannot store the average", "error", err)
		}
	}
	free := who.level != config.Private
	g.sendMinute(topicMinute, sum, free, open)
	for _, a := range averages {
		id := g.readings.PlugID(a.UDN, a.Serial)
		g.sendMinute(plugTopic(id, "1m"), minuteOfPlug(end, averageWindow, a), free && who.perPlug, open)
	}
}

// sendMinute publishes one average. What anyone may read goes out whatever the gate says, and is retained. What only some
// may read goes out through an open gate and is not retained: a broker whose rights failed must not get it, nor have it in
// store.
func (g *Gateway) sendMinute(topic string, m minute, free, open bool) {
	number, known := bare(m.PowerW)
	if !free {
		if open {
			g.sendReading(topic, encode(m), m.PowerW)
		}
		return
	}
	g.link.retain(topic, encode(m))
	if known {
		g.link.retain(topic+bareSuffix, number)
	} else {
		g.link.retain(topic+bareSuffix, nil)
	}
}

// showLastAverage publishes the newest stored average, so that a start does not leave the free topic blank for a
// minute. Its timestamp says how old it is; one of more than an hour ago says nothing about now.
func (g *Gateway) showLastAverage(ctx context.Context) {
	if g.audience().level == config.Private {
		return
	}
	rows, err := g.readings.Averages(ctx, "", time.Now().Add(-time.Hour))
	if err != nil || len(rows) == 0 {
		return
	}
	g.sendMinute(topicMinute, minuteOfHistory(rows[len(rows)-1]), true, false)
}

// clearReadings takes back everything retained that carries a reading; what a lower level owes those who live here.
func (g *Gateway) clearReadings(ctx context.Context) {
	g.link.retainOnly("sensor/", nil)
	if err := g.readings.ClearAverages(ctx); err != nil {
		g.log.Error("cannot clear the stored averages", "error", err)
	}
}

func historyOfMinute(end time.Time, m minute) readings.Average {
	return readings.Average{End: end, PowerW: m.PowerW, EnergyWh: m.EnergyWh, Coverage: m.Coverage, WindowS: m.WindowS}
}

func minuteOfHistory(a readings.Average) minute {
	return minute{
		TS: a.End.UTC().Format(stamp), WindowS: a.WindowS, PowerW: a.PowerW, EnergyWh: a.EnergyWh,
		Coverage: a.Coverage, Simulated: a.Simulated,
	}
}
