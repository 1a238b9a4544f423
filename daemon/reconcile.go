package daemon

import (
	"context"
	"errors"
	"reflect"
	"runtime/debug"
	"slices"
	"time"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/billing"
)

// settleTime is the least time between two applies: grants that are bought in a burst share a reload. Half of it is
// the mean price of coalescing, well within the second that a buyer is promised.
const settleTime = 200 * time.Millisecond

// applyTimeout bounds one apply with its proof; a reload of ten thousand grants takes a tenth of a second. It is long enough
// for acl to tell a broker that hangs from one that is busy.
const applyTimeout = 12 * time.Second

// lookAgain is how often reconcile looks whether something became due without being told, and how late it may
// therefore notice that the wall clock was set.
const lookAgain = time.Second

// reconcile keeps the broker's rights what the database says they are, until ctx ends. It is the only goroutine that
// changes rights, and idempotent: whatever happened, it computes the whole desired state.
func (g *Gateway) reconcile(ctx context.Context) {
	var last time.Time // when the last apply ended
	var failures int
	nudged := true
	for ctx.Err() == nil {
		g.alive.Store(time.Now().UnixNano())
		g.matchBroker()
		g.mend(ctx)
		wait, err := g.ensure(ctx, nudged || failures > 0)
		last = time.Now()
		switch {
		case err != nil && ctx.Err() == nil:
			failures++
			if g.state.report("rights", problem{"rights", "the rights could not be put into force: " + err.Error()}) {
				g.log.Error("rights are not in force", "error", err)
			}
			wait = min(time.Duration(failures)*settleTime, 2*time.Second)
		case g.state.clear("rights"):
			g.log.Info("rights are in force again")
			fallthrough
		default:
			failures = 0
		}
		nudged = g.wait(ctx, last, wait)
	}
}

// wait returns when there is something to do: a nudge, what happens by itself after the time most, or the regular look.
func (g *Gateway) wait(ctx context.Context, last time.Time, most time.Duration) (nudged bool) {
	timer := time.NewTimer(max(0, min(most, lookAgain)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return false
	case <-g.nudge:
	}
	// What else arrives in this little while shares the reload.
	select {
	case <-ctx.Done():
	case <-time.After(settleTime - time.Since(last)):
	}
	return true
}

// inForce is what the last apply was made of.
type inForce struct {
	who         audience
	certificate string
	revision    uint64 // of the list of accounts
}

// ensure makes what should be so: ends what is over, renders who may read, has the broker obey, and only then tells
// buyers that they may. Unless something may have changed it only looks, because ten thousand accounts are not read for
// nothing. It returns the time after which something will change by itself.
func (g *Gateway) ensure(ctx context.Context, changed bool) (time.Duration, error) {
	now := g.trustedNow(ctx)
	next, changes, err := g.shop.Tick(ctx, now)
	if err != nil {
		return 0, err
	}
	g.tell(changes)
	if err := g.renewTerms(ctx); err != nil {
		return 0, err
	}
	want := inForce{g.audience(), g.certificate().SHA256, g.shop.Revision()} // a reload shows a new certificate to those who connect from then on
	if changed || !g.gate.Status().Proven || !reflect.DeepEqual(want, g.inForce) {
		if err := g.apply(ctx, want); err != nil {
			return 0, err
		}
		g.inForce, g.untidy = want, true
	} else if g.untidy {
		// Rendering ten thousand accounts takes some 20 MiB for a moment, which Go would keep for minutes.
		debug.FreeOSMemory()
		g.untidy = false
	}
	return next.Sub(g.now()), g.showOffer(ctx)
}

// apply has the broker obey and tells those whose access that proves.
func (g *Gateway) apply(ctx context.Context, want inForce) error {
	accounts, err := g.shop.Accounts(ctx, g.now())
	if err != nil {
		return err
	}
	policy := policyFor(want.who, accounts)
	policy.Beside = want.certificate
	bounded, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	if _, err := g.gate.Apply(bounded, policy); err != nil {
		g.state.gate(false, err.Error())
		if errors.Is(err, acl.ErrDisobeys) || errors.Is(err, acl.ErrHung) {
			g.breach(err.Error())
		}
		return err
	}
	g.accounts.Store(int64(len(accounts)))
	g.connectOnce()
	return g.activate(ctx, accounts)
}

// connectOnce starts the publisher's connection after the first proof: its account exists only since then.
func (g *Gateway) connectOnce() {
	if !g.link.started {
		g.link.started = true
		g.link.connect()
	}
}

// activate starts the time of those whose access was just proven and tells them.
func (g *Gateway) activate(ctx context.Context, accounts []billing.Account) error {
	if slices.ContainsFunc(accounts, func(a billing.Account) bool { return a.State == billing.GrantPending }) {
		activated, err := g.shop.Activate(ctx, accounts, g.now())
		if err != nil {
			return err
		}
		for _, a := range activated {
			g.log.Info("granted", "user", a.Username, "until", untilOf(a.End))
			g.answer(a.ReplyTo, a.Receipt)
		}
		if accounts, err = g.shop.Accounts(ctx, g.now()); err != nil {
			return err
		}
	}
	g.showGrants(accounts)
	return nil
}

// grantMessage is the payload of wattgate/grants/<username>.
type grantMessage struct {
	V        int     `json:"v"`
	Username string  `json:"username"`
	State    string  `json:"state"`
	End      *string `json:"end"` // null: until revoked
}

// showGrants keeps one retained message for each user about his own access, and clears those of users who have none.
func (g *Gateway) showGrants(accounts []billing.Account) {
	wanted := make(map[string][]byte, len(accounts))
	for _, a := range accounts {
		m := grantMessage{V: 1, Username: a.Username, State: string(a.State)}
		if !a.End.IsZero() {
			m.End = new(a.End.UTC().Format(stamp))
		}
		wanted[prefixGrants+a.Username] = encode(m)
	}
	g.link.retainOnly(prefixGrants, wanted)
}

// showOffer keeps the retained offer current while something is sold, and cleared otherwise.
func (g *Gateway) showOffer(ctx context.Context) error {
	if !g.audience().selling {
		g.link.retain(topicOffer, nil)
		return nil
	}
	offer, err := g.shop.Offer(ctx, g.now())
	if err != nil {
		return err
	}
	g.link.retain(topicOffer, offer)
	return nil
}

// breach asks reconcile to mend what the gate found broken.
func (g *Gateway) breach(reason string) {
	if g.broken.Swap(&reason) == nil {
		g.metrics.breaches.Inc()
		g.log.Error("the broker does not obey, withholding readings", "found", reason)
	}
	g.Nudge()
}

// mend restores the files after a breach and has the broker started afresh.
func (g *Gateway) mend(ctx context.Context) {
	reason := g.broken.Load()
	if reason == nil {
		return
	}
	if err := g.gate.Restore(ctx); err != nil {
		g.log.Error("cannot restore the rights", "error", err)
		return
	}
	g.broken.Store(nil)
	g.metrics.restarts.Inc()
	g.log.Warn("rights restored, the broker starts afresh", "after", *reason)
}

// tell writes one line for each decision about money or rights, and tells the buyer.
func (g *Gateway) tell(changes []billing.Change) {
	for _, c := range changes {
		var attrs []any
		if c.Username != "" {
			attrs = append(attrs, "user", c.Username)
		}
		if c.Order != "" {
			attrs = append(attrs, "order", short(c.Order))
		}
		g.metrics.changes.WithLabelValues(string(c.Kind)).Inc()
		g.log.Info(changeWord(c.Kind), attrs...)
		if c.Document != nil {
			g.answer(c.ReplyTo, c.Document)
		}
	}
}

// changeWord is how the journal calls a change; docs/journal.md has the vocabulary.
func changeWord(k billing.ChangeKind) string {
	switch k {
	case billing.ChangePaid:
		return "part of an order paid"
	case billing.ChangeGranted:
		return "sold"
	case billing.ChangeExtended:
		return "sold, access extended"
	case billing.ChangeLapsed:
		return "order lapsed"
	case billing.ChangeEnded:
		return "access ended"
	case billing.ChangeUnassigned:
		return "payment without an order"
	}
	return string(k)
}

// short shows enough of a long identifier to find it.
func short(id string) string {
	if len(id) > 16 {
		return id[:16] + "…"
	}
	return id
}

func untilOf(end time.Time) string {
	if end.IsZero() {
		return "revoked"
	}
	return end.UTC().Format(time.RFC3339)
}
