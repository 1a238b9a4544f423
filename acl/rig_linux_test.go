package acl_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/acl/acltest"
)

func TestMain(m *testing.M) { acltest.Main(m) }

// bench is a gate on a real broker.
type bench struct {
	*acltest.Broker
	gate *acl.Gate
	t    testing.TB
}

func open(t testing.TB, step func(string)) *bench {
	t.Helper()
	return attach(t, acltest.Start(t), step)
}

// attach runs one more gate on the broker, as a restarted daemon does.
func attach(t testing.TB, b *acltest.Broker, step func(string)) *bench {
	t.Helper()
	g := acl.New(acl.Config{Dir: b.Dir, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Step: step})
	run(t, g)
	return &bench{b, g, t}
}

// run keeps the gate running; the returned function ends it.
func run(t testing.TB, g *acl.Gate) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); g.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	return stop
}

func (b *bench) apply(p acl.Policy) acl.Proof {
	b.t.Helper()
	proof, err := b.tryApply(p, 10*time.Second)
	if err != nil {
		b.t.Fatal(err)
	}
	return proof
}

func (b *bench) tryApply(p acl.Policy, within time.Duration) (acl.Proof, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return b.gate.Apply(ctx, p)
}

func (b *bench) publisher() *acltest.Client {
	b.t.Helper()
	account, password := b.gate.Publisher()
	return b.Reader(b.t, account.Name, password, "")
}

func (b *bench) check() acl.Verdict { return b.gate.Check(context.Background()) }

func account(t testing.TB, name string, reads ...string) (acl.Account, string) {
	t.Helper()
	password := acl.NewPassword()
	e, err := acl.NewEntry(password, acl.GeneratedIterations)
	if err != nil {
		t.Fatal(err)
	}
	return acl.Account{Name: name, Entry: e, Reads: reads}, password
}

func policy(grants ...acl.Account) acl.Policy {
	return acl.Policy{
		Free:      []string{"sensor/1m", "wattgate/offer"},
		Paid:      []string{"sensor/live", "sensor/live/w"},
		Orders:    []string{"wattgate/orders"},
		PerClient: []string{"wattgate/replies/"},
		PerUser:   []string{"wattgate/grants/"},
		Roots:     []string{"sensor/#", "wattgate/#", "$canary/#"},
		Grants:    grants,
	}
}
