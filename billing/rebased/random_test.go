package rebased_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/rebased"
	"github.com/wattgate/wattgate/billing/rebased/rebasedtest"
)

// Payments of all kinds while both nodes misbehave at random, the gateway restarts and storing fails: each payment is
// listed, with its amount; new ones in the sequence of the ledger; what was stored is listed again only after a restart or
// a failure. WATTGATE_SEED repeats a run.
func TestRandomFaultsNeitherLoseNorInvent(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("WATTGATE_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	runs := 8
	if testing.Short() {
		runs = 2
	}
	for i := range runs {
		randomRun(t, seed+uint64(i))
	}
}

// chaos is one random run.
type chaos struct {
	world
	t    *testing.T
	rand *rand.Rand
	// want is what must be listed, in sequence; a payment beside others has another ID.
	want []billing.Deposit
	calm bool
	// begun: a cursor is stored. Before that the chain is not known, and any may answer.
	begun bool
}

func randomRun(t *testing.T, seed uint64) {
	t.Helper()
	s, err := rebasedtest.Start(rebasedtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := &chaos{world: world{s, rebasedtest.NewWallet("us"), rebasedtest.NewWallet("payer")}, t: t, rand: rand.New(rand.NewPCG(seed, 0))}
	s.Script(func(api rebasedtest.API) rebasedtest.Faults { return c.faults(api) })
	synctest.Test(t, func(t *testing.T) {
		c.t = t
		c.poll(fmt.Sprintf("WATTGATE_SEED=%d", seed))
	})
}

// poll lives through two hundred steps and then a calm end.
func (c *chaos) poll(name string) {
	second := c.rand.IntN(2) == 0
	open := func() *rebased.Ledger {
		return c.ledger(c.t, func(o *rebased.Options) {
			o.HTTP = c.Client()
			if second {
				o.SecondNode = c.JSONRPC()
			}
		})
	}
	l, cursor, stored, again := open(), "", map[string]billing.Deposit{}, false
	var sequence []string
	for step := range 260 {
		if c.calm = step > 200; !c.calm {
			c.happen()
		} else if step%7 == 0 {
			c.Seal()
		}
		time.Sleep(time.Duration(c.rand.IntN(3000)) * time.Millisecond)
		if !c.calm && c.rand.IntN(40) == 0 {
			l, again = open(), true
		}
		b, err := l.Deposits(c.t.Context(), cursor)
		if err != nil {
			continue
		}
		if !c.calm && c.rand.IntN(8) == 0 {
			again = true // it could not be stored
			continue
		}
		cursor, c.begun = b.Cursor, true
		for _, d := range b.Deposits {
			if before, known := stored[d.ID]; known {
				if !reflect.DeepEqual(before, d) || !again {
					c.t.Fatalf("%s, step %d: %+v again, was %+v (restart or failure before: %v)", name, step, d, before, again)
				}
				continue
			}
			stored[d.ID] = d
			sequence = append(sequence, d.ID)
		}
	}
	c.compare(name, stored, sequence)
}

func (c *chaos) compare(name string, stored map[string]billing.Deposit, sequence []string) {
	c.t.Helper()
	if want := ids(c.want); !slices.Equal(sequence, want) {
		missing := slices.DeleteFunc(slices.Clone(want), func(id string) bool { return slices.Contains(sequence, id) })
		c.t.Fatalf("%s: %d deposits in sequence, want %d; missing %v", name, len(sequence), len(want), missing)
	}
	for _, w := range c.want {
		if d := stored[w.ID]; d.Amount != w.Amount || d.Sender != w.Sender || d.Address != c.us.Address {
			c.t.Fatalf("%s: %+v, want %+v", name, d, w)
		}
	}
}

// happen lets something happen on the ledger.
func (c *chaos) happen() {
	us, amount := c.us.Address, uint64(1+c.rand.IntN(1_000_000))
	expect := func(digest, suffix string) {
		c.want = append(c.want, billing.Deposit{ID: digest + suffix, Sender: c.payer.Address, Amount: billing.Units(amount)})
	}
	pay := rebasedtest.Transaction{From: c.payer, Pays: []rebasedtest.Payment{{To: us, Amount: amount}}}
	switch c.rand.IntN(10) {
	case 0, 1:
		expect(c.Submit(pay), "")
	case 2: // a burst, more than a page
		for range c.rand.IntN(2) * c.rand.IntN(70) {
			expect(c.Submit(pay), "")
		}
	case 3:
		pay.Pays = append(pay.Pays, rebasedtest.Payment{To: rebasedtest.NewWallet("she").Address, Amount: 1})
		expect(c.Submit(pay), ":"+us)
	case 4:
		pay.Failed = true
		pay.Changes = []rebasedtest.Change{{Owner: us, Coin: rebasedtest.IOTA, Amount: "77"}}
		c.Submit(pay)
	case 5:
		c.Submit(rebasedtest.Transaction{From: c.us, Pays: []rebasedtest.Payment{{To: us, Amount: amount}}, Rebate: amount})
	case 6:
		c.Submit(rebasedtest.Transaction{From: c.payer, Changes: []rebasedtest.Change{{Owner: us, Coin: "0x2::iota::IOTA2", Amount: "5"}, {Owner: us, Object: true, Coin: rebasedtest.IOTA, Amount: "5"}}})
	default:
		c.Skip(c.rand.IntN(200))
	}
	if c.rand.IntN(2) == 0 {
		c.Seal()
	}
}

// faults are those of one request; it is called with the node locked.
func (c *chaos) faults(api rebasedtest.API) rebasedtest.Faults {
	if c.calm || c.rand.IntN(3) > 0 {
		return rebasedtest.Faults{}
	}
	list := []rebasedtest.Faults{
		{Status: 429, RetryAfter: strconv.Itoa(c.rand.IntN(5))}, {Status: 502}, {Busy: true}, {Cut: 1 + c.rand.IntN(400)},
		{Delay: time.Duration(c.rand.IntN(20)) * time.Second}, {Error: "Request timed out"},
		{PageSize: 1 + c.rand.IntN(5)}, {Scan: 1 + c.rand.IntN(9)}, {Body: []byte("{}")},
		{Behind: uint64(c.rand.IntN(300))},
	}
	if c.begun {
		list = append(list, rebasedtest.Faults{Chain: "deadbeef"})
	}
	if api == rebasedtest.JSONRPC { // only here are rows skipped; and only the second node may lie without harm
		list = append(list, rebasedtest.Faults{Hide: func(string) bool { return true }}, rebasedtest.Faults{Loose: true},
			tamper(`"amount":"`, `"amount":"1`), tamper("iota::", "atoi::"))
	}
	return list[c.rand.IntN(len(list))]
}
