package buyer

import (
	"errors"
	"testing"
	"time"

	"github.com/wattgate/wattgate/acl/acltest"
)

type full struct{ called chan struct{} }

func (f full) Write([]byte) (int, error) {
	select {
	case f.called <- struct{}{}:
	default:
	}
	return 0, errors.New("disk full")
}

func TestWatchThatCannotWriteSaysSo(t *testing.T) {
	b, publish, password, _ := station(t)
	access := Access{Username: "jane", Password: password, End: time.Now().Add(time.Hour)}
	f := full{make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() { ended <- Watch(t.Context(), Target{Broker: "mqtt://" + b.TCP}, access, f) }()
	acltest.Eventually(t, "write", 5*time.Second, func() bool { publish("1"); return len(f.called) > 0 })
	select {
	case err := <-ended:
		t.Log(err)
	case <-time.After(5 * time.Second):
		t.Fatal("Watch swallowed the error")
	}
}
