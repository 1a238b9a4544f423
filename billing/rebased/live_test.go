package rebased_test

import (
	"os"
	"testing"
	"time"

	"github.com/wattgate/wattgate/billing/rebased"
)

// Against a live node, where there is one: WATTGATE_REBASED_NODE is the URL of a GraphQL service such as that of the public
// testnet, WATTGATE_REBASED_SECOND that of a JSON-RPC service of the same network and WATTGATE_REBASED_ADDRESS an address
// that was paid there; the last two may be left out. It only reads.
func TestALiveNodeIsRead(t *testing.T) {
	node := os.Getenv("WATTGATE_REBASED_NODE")
	if node == "" {
		t.Skip("SKIPPED: WATTGATE_REBASED_NODE names no live node")
	}
	o := rebased.Options{Node: node, SecondNode: os.Getenv("WATTGATE_REBASED_SECOND"), Address: os.Getenv("WATTGATE_REBASED_ADDRESS")}
	paid := o.Address != ""
	if !paid { // nobody has the key to it
		o.Address = "0x5af3107a40005af3107a40005af3107a40005af3107a40005af3107a4000aaaa"
	}
	l, err := rebased.New(o)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := l.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if age := time.Since(first.At); age < -time.Minute || age > 5*time.Minute {
		t.Errorf("the newest checkpoint is %s old", age)
	}
	r := &reader{}
	r.take(t, l)
	for _, d := range r.deposits {
		t.Logf("%s: %d nanos from %s at %s", d.ID, d.Amount, d.Sender, d.At)
	}
	if paid && len(r.deposits) == 0 {
		t.Error("the address was paid, but nothing is listed")
	}
	last := first
	for end := time.After(30 * time.Second); last.Sequence == first.Sequence; {
		select {
		case <-end:
			t.Fatalf("the head stays at %d", first.Sequence)
		case <-time.After(time.Second):
		}
		if last, err = l.Head(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("chain %s, checkpoint %d of %s, %d deposits, cursor %s", chain, last.Sequence, last.At, len(r.deposits), r.cursor)
}
