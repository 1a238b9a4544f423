package acl_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/acl/acltest"
)

// Times are measured by make bench; here it is right and wrong, at sizes that take seconds.
func TestRightsHoldForManyGrantsAndClients(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: a thousand clients; -short was asked for")
	}
	for _, size := range []struct{ grants, clients int }{{10, 1}, {10, 100}, {1000, 1}, {1000, 100}, {1000, 1000}} {
		t.Run(fmt.Sprintf("%d grants, %d clients", size.grants, size.clients), func(t *testing.T) {
			b := open(t, nil)
			grants, passwords := make([]acl.Account, size.grants), make([]string, size.grants)
			for i := range grants {
				grants[i], passwords[i] = account(t, fmt.Sprintf("user-%d", i))
			}
			ended := len(grants) - 1
			b.apply(policy(grants[:ended]...))
			clients := make([]*acltest.Client, size.clients)
			for i := range clients {
				who := i % ended
				clients[i] = b.Reader(t, grants[who].Name, passwords[who], "", "sensor/live")
			}
			if _, err := b.Connect(grants[ended].Name, passwords[ended], ""); !errors.Is(err, acltest.ErrRefused) {
				t.Fatalf("a grant that has not begun: %v", err)
			}
			stranger := b.Reader(t, "", "", "", "#", "sensor/live", "$canary/#")

			proof := b.apply(policy(grants...))
			t.Logf("proven after %s", proof.Took)
			begun := b.Reader(t, grants[ended].Name, passwords[ended], "", "sensor/live")
			b.publisher().Publish(t, "sensor/live", "paid")
			for i, c := range append(clients, begun) {
				acltest.Eventually(t, fmt.Sprintf("the message of client %d", i), 5*time.Second, func() bool { return c.Has("sensor/live", "paid") })
			}

			b.apply(policy(grants[:ended]...))
			select {
			case <-begun.Lost:
			case <-time.After(2 * time.Second):
				t.Error("the connection of a grant that ended stands")
			}
			for i, c := range clients {
				select {
				case <-c.Lost:
					t.Fatalf("client %d was disconnected by the change of somebody else's right", i)
				default:
				}
			}
			if stranger.Topics()["sensor/live"] || stranger.Topics()["$canary/paid"] {
				t.Error("the stranger received what is paid for")
			}
		})
	}
}
