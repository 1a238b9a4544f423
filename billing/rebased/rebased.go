package rebased

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wattgate/wattgate/billing"
)

// Options says what a Ledger reads.
type Options struct {
	// Node is the URL of a GraphQL service.
	Node string
	// SecondNode is the URL of a JSON-RPC service, best of somebody else; a deposit counts only when both report it. Empty:
	// Node is believed.
	SecondNode string
	// Address is where payments arrive: 0x and 64 hexadecimal digits.
	Address string
	// Others, if not nil, names further addresses to watch at this time, such as those of a pool that open orders use. Each
	// call of Deposits asks it, and asks the node once more for each four of them. An address must be named before the
	// money comes: the cursor passes all addresses together.
	Others func(ctx context.Context) ([]string, error)
	// Since leaves out what arrived before, such as what an older wallet received before there was a gateway: it would be
	// listed for nothing, and a second node without the whole history could not confirm it. It counts at the empty cursor
	// alone, is kept in the cursors from then on, and is at most the time of the newest checkpoint there. Zero: nothing is
	// left out.
	Since time.Time
	// HTTP sends the requests; nil: a client of its own. Its redirect policy is replaced: none is followed.
	HTTP *http.Client
	// Log may be nil.
	Log *slog.Logger
}

// Ledger is the live network as seen from an address. It implements billing.Ledger. All methods may be called at the same
// time; two calls of Deposits wait for each other.
type Ledger struct {
	node    graph
	second  *rpc // nil: none
	address string
	others  func(context.Context) ([]string, error)
	since   time.Time
	log     *slog.Logger

	reading sync.Mutex // guards what follows; held while Deposits asks
	sweep   sweep
	waits   waiting
	// secondSeen: the second node has said that it serves our chain.
	secondSeen bool

	mu    sync.Mutex // guards what follows
	chain string     // pinned by the first answer
	top   top
}

// top is the newest checkpoint seen.
type top struct {
	head  billing.Head
	since time.Time // when it was first seen
	below time.Time // since when answers fall behind it; zero: they do not
}

// New checks the options. It asks nothing yet.
func New(o Options) (*Ledger, error) {
	address, err := ParseAddress(o.Address)
	if err != nil {
		return nil, fmt.Errorf("ledger.address: %w", err)
	}
	node, err := newEndpoint("ledger.node", o.Node, o.HTTP)
	if err != nil {
		return nil, err
	}
	l := &Ledger{node: graph{node}, address: address, others: o.Others, since: o.Since, log: o.Log}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if o.SecondNode != "" {
		second, err := newEndpoint("ledger.second-node", o.SecondNode, o.HTTP)
		if err != nil {
			return nil, err
		}
		l.second = &rpc{second, new(atomic.Uint64)}
	}
	return l, nil
}

// Identity is the chain's identifier: the first four bytes of its genesis checkpoint's digest, in hexadecimal.
func (l *Ledger) Identity(ctx context.Context) (string, error) {
	v, err := l.node.head(ctx)
	if err == nil {
		err = l.see(v)
	}
	return v.chain, err
}

// Head is the newest checkpoint. It does not fall back by the little that services behind one URL differ.
func (l *Ledger) Head(ctx context.Context) (billing.Head, error) {
	v, err := l.node.head(ctx)
	if err == nil {
		err = l.see(v)
	}
	if err != nil {
		return billing.Head{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.top.head, nil
}

// Bounds of what is normal in the sequence of heads.
const (
	// slack is how many checkpoints one answer may be behind another: the services behind one URL are not in step. At four
	// to five checkpoints a second it is about twenty seconds.
	slack = 100
	// stalled is how long a head may stay the same.
	stalled = time.Minute
	// relent is after how long a lower head is believed: a single high one may have been a lie.
	relent = 10 * time.Minute
)

// see pins the chain and judges the head of an answer.
func (l *Ledger) see(v view) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.chain == "" {
		l.chain = v.chain
	}
	if v.chain != l.chain {
		return otherChain(l.node.name, v.chain, l.chain)
	}
	now := time.Now()
	if v.last+slack < l.top.head.Sequence {
		if l.top.below.IsZero() {
			l.top.below = now
		}
		if now.Sub(l.top.below) < relent {
			return fmt.Errorf("cannot read on: %w: %s is at checkpoint %d and was at %d before (it catches up by itself, or use another node)",
				ErrBehind, l.node.name, v.last, l.top.head.Sequence)
		}
		l.log.Warn("ledger head believed though lower", "checkpoint", v.last, "before", l.top.head.Sequence)
		l.top = top{}
	}
	l.top.below = time.Time{}
	if v.last > l.top.head.Sequence || l.top.since.IsZero() {
		l.top.head, l.top.since = billing.Head{Sequence: v.last, At: v.at}, now
	}
	return nil
}

// standing is an error if the head has not moved for too long.
func (l *Ledger) standing() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if since := time.Since(l.top.since); since >= stalled {
		return fmt.Errorf("cannot see new payments: %w: %s has been at checkpoint %d for %s (it goes on by itself, or use another node)",
			ErrStalled, l.node.name, l.top.head.Sequence, since.Round(time.Second))
	}
	return nil
}

func (l *Ledger) pinned() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.chain
}

func otherChain(node, got, want string) error {
	return fmt.Errorf("cannot read from node %s: %w answers: %s, before it was %s (point ledger.node and ledger.second-node at the network you sell for)",
		node, ErrOtherChain, got, want)
}

// watched is our address and the others, each once.
func (l *Ledger) watched(ctx context.Context) ([]string, error) {
	list, seen := []string{l.address}, map[string]bool{l.address: true}
	if l.others == nil {
		return list, nil
	}
	others, err := l.others(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot list the addresses to watch: %w", err)
	}
	for _, text := range others {
		a, err := ParseAddress(text)
		if err != nil {
			return nil, errors.Join(errors.New("cannot watch an address of the pool"), err)
		}
		if !seen[a] {
			list, seen[a] = append(list, a), true
		}
	}
	return list, nil
}
