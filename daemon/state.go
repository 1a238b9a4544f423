package daemon

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/devices"
)

// problem is one thing that is wrong: a word for strangers, a sentence for the owner. Strangers get the word alone
// because the sentence may name an address or a plug.
type problem struct {
	code string // part of wattgate/status, e.g. "plugs"
	text string
}

// condition is how the gateway is, as far as it knows.
type condition struct {
	state    string
	problems []problem
	since    time.Time
}

// reason is the first problem's word, nil if there is none.
func (c condition) reason() *string {
	if len(c.problems) == 0 {
		return nil
	}
	return &c.problems[0].code
}

// sentences are the problems as the owner reads them.
func (c condition) sentences() []string {
	out := make([]string, 0, len(c.problems))
	for _, p := range c.problems {
		out = append(out, p.text)
	}
	return out
}

// stateKeeper collects what every part of the gateway knows about itself and makes one opinion of it.
type stateKeeper struct {
	mu       sync.Mutex // guards all below
	now      condition
	open     bool   // the gate let the last slot through
	closed   string // why not
	level    config.Level
	current  int // plugs with a current reading
	expected int
	short    time.Time          // since when some are missing; zero: none is
	begun    time.Time          // when the gateway started
	others   map[string]problem // by who reported it
}

func newStateKeeper() *stateKeeper {
	return &stateKeeper{
		begun:  time.Now(),
		now:    condition{state: control.StateWithheld, problems: []problem{{"starting", "the gateway is starting"}}, since: time.Now()},
		closed: "the gateway is starting",
		others: map[string]problem{},
	}
}

func (k *stateKeeper) gate(open bool, why string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open, k.closed = open, why
}

// closedFor is why the gate did not let the last slot through.
func (k *stateKeeper) closedFor() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return cmp.Or(k.closed, "not proven")
}

func (k *stateKeeper) setLevel(l config.Level) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.level = l
}

func (k *stateKeeper) setPlugs(samples []devices.Sample) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expected, k.current = len(samples), 0
	for _, s := range samples {
		if s.Known {
			k.current++
		}
	}
	switch {
	case k.current == k.expected:
		k.short = time.Time{}
	case k.short.IsZero():
		k.short = time.Now()
	}
}

func (k *stateKeeper) plugs() control.PlugCount {
	k.mu.Lock()
	defer k.mu.Unlock()
	return control.PlugCount{Current: k.current, Expected: k.expected}
}

// report says that who has a problem; clear takes it back. Both say whether that is news: the words of an error may
// differ from one time to the next, that there is one is news once.
func (k *stateKeeper) report(who string, p problem) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, had := k.others[who]
	k.others[who] = p
	return !had
}

func (k *stateKeeper) clear(who string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, news := k.others[who]
	delete(k.others, who)
	return news
}

// textOf is what who reported, empty if nothing.
func (k *stateKeeper) textOf(who string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.others[who].text
}

func (k *stateKeeper) get() condition {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

// judge makes up its mind anew and says whether it changed.
func (k *stateKeeper) judge(now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := condition{state: control.StateServing, problems: k.list(now)}
	switch {
	case !k.open:
		next.state = control.StateWithheld
		next.problems = slices.Insert(next.problems, 0, problem{"gate", k.closed})
	case k.level == config.Private:
		next.state = control.StatePrivate
	case len(next.problems) > 0:
		next.state = control.StateDegraded
	}
	changed := next.state != k.now.state || !slices.Equal(next.problems, k.now.problems)
	if changed {
		next.since = k.now.since
		if next.state != k.now.state {
			next.since = now
		}
		k.now = next
	}
	return changed
}

// list is everything that is wrong apart from the gate, in a steady order; the caller holds mu.
func (k *stateKeeper) list(now time.Time) []problem {
	var out []problem
	switch {
	case k.expected == 0 && now.Sub(k.begun) >= findTime:
		out = append(out, problem{"plugs", "no plug with a meter was found yet (wattgate plugs shows what was)"})
	case !k.short.IsZero() && now.Sub(k.short) >= shortTolerated:
		out = append(out, problem{"plugs", "some plugs have no current reading (wattgate plugs says which)"})
	}
	who := make([]string, 0, len(k.others))
	for w := range k.others {
		who = append(who, w)
	}
	slices.Sort(who)
	for _, w := range who {
		out = append(out, k.others[w])
	}
	return out
}

// shortTolerated is how long a plug may be without a current reading before the gateway calls itself degraded: a plug
// that misses a beat is no news.
const shortTolerated = 5 * time.Second

// findTime is how long a gateway may run without having found a plug before it says so; a search takes a second or two.
const findTime = 10 * time.Second

// statusMessage is the payload of the retained topic wattgate/status and of /healthz.
type statusMessage struct {
	V       int     `json:"v"`
	State   string  `json:"state"`
	Reason  *string `json:"reason"`
	Since   string  `json:"since"`
	Version string  `json:"version"`
}

func (g *Gateway) statusMessage(c condition) statusMessage {
	return statusMessage{V: 1, State: c.state, Reason: c.reason(), Since: c.since.UTC().Format(stamp), Version: g.o.Version}
}

// tellState announces a changed condition to whoever watches: subscribers, the journal, systemd.
func (g *Gateway) tellState() {
	c := g.state.get()
	g.link.retain(topicStatus, encode(g.statusMessage(c)))
	attrs := []any{"state", c.state}
	if len(c.problems) > 0 {
		attrs = append(attrs, "why", c.problems[0].text)
	}
	if c.state == control.StateWithheld {
		g.log.Warn("readings are withheld", attrs...)
	} else {
		g.log.Info("state", attrs...)
	}
	g.o.Notify.Status(c.state)
}
