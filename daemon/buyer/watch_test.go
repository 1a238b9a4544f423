package buyer

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/acl/acltest"
)

func TestMain(m *testing.M) { acltest.Main(m) }

// paper is what the stream is printed on.
type paper struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *paper) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// station is a real broker on which jane may read the live topic until her account is taken away.
func station(t *testing.T) (b *acltest.Broker, publish func(payload string), janesPassword string, revoke func()) {
	t.Helper()
	b = acltest.Start(t)
	gate := acl.New(acl.Config{Dir: b.Dir, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- gate.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	janesPassword = acl.NewPassword()
	entry, err := acl.NewEntry(janesPassword, acl.GeneratedIterations)
	if err != nil {
		t.Fatal(err)
	}
	apply := func(grants ...acl.Account) {
		bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if _, err := gate.Apply(bounded, acl.Policy{Paid: []string{topicLive}, Roots: []string{"sensor/#"}, Grants: grants}); err != nil {
			t.Fatal(err)
		}
	}
	apply(acl.Account{Name: "jane", Entry: entry})
	account, password := gate.Publisher()
	publisher := b.Reader(t, account.Name, password, "")
	return b, func(payload string) { publisher.Publish(t, topicLive, payload) }, janesPassword, func() { apply() }
}

func TestWatchPrintsTheStreamUntilTheAccessEnds(t *testing.T) {
	b, publish, password, revoke := station(t)
	access := Access{Username: "jane", Password: password, End: time.Now()}
	var out paper
	ended := make(chan error, 1)
	go func() { ended <- Watch(t.Context(), Target{Broker: "mqtt://" + b.TCP}, access, &out) }()
	acltest.Eventually(t, "the stream", 5*time.Second, func() bool {
		publish(`{"seq":1}`)
		return strings.Contains(out.String(), "{\"seq\":1}\n")
	})
	revoke()
	select {
	case err := <-ended:
		if _, ok := errors.AsType[*StoppedError](err); !ok {
			t.Errorf("%v, want a StoppedError", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("Watch goes on after the access was revoked")
	}
}

func TestWatchEndsWhenItIsAskedTo(t *testing.T) {
	b, publish, password, _ := station(t)
	access := Access{Username: "jane", Password: password, End: time.Now().Add(time.Hour)}
	ctx, cancel := context.WithCancel(t.Context())
	var out paper
	ended := make(chan error, 1)
	go func() { ended <- Watch(ctx, Target{Broker: "mqtt://" + b.TCP}, access, &out) }()
	acltest.Eventually(t, "the stream", 5*time.Second, func() bool { publish("1"); return out.String() != "" })
	b.Restart() // an accident long before the end is no end
	acltest.Eventually(t, "the broker's second start", 5*time.Second, func() bool { return b.PID() != 0 })
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("%v, want no error", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("Watch goes on")
	}
}
