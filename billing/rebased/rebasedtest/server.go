package rebasedtest

import (
	"fmt"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"
)

// Chain is the identifier of a Server's chain.
const Chain = "7e57c0de"

// Options says how a Server behaves.
type Options struct {
	// Listen is host:port; empty: a free port of the loopback interface.
	Listen string
	// Every seals a checkpoint so often, empty or not; 0: only Seal and Pay do.
	Every time.Duration
	// Begin is the time of checkpoint 0; zero: now. Without Every, each checkpoint is a quarter of a second later.
	Begin time.Time
}

// Server is a running node. All methods may be called at the same time.
type Server struct {
	http    *http.Server
	address string
	every   time.Duration
	stop    chan struct{}
	done    sync.WaitGroup

	mu          sync.Mutex // guards what follows
	checkpoints []*checkpoint
	pending     []*transaction
	known       map[string]*transaction // by digest, checkpointed or not
	count       uint64
	faults      map[API]Faults
	script      func(API) Faults
	exchanges   []Exchange
	requests    map[API]int
}

// Start starts a node whose ledger has one empty checkpoint.
func Start(o Options) (*Server, error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Begin.IsZero() {
		o.Begin = time.Now()
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("cannot start the simulated node: %w", err)
	}
	s := &Server{address: l.Addr().String(), every: o.Every, stop: make(chan struct{}),
		known: map[string]*transaction{}, faults: map[API]Faults{}, requests: map[API]int{}}
	s.checkpoints = []*checkpoint{{at: o.Begin.UTC().Truncate(time.Millisecond)}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /graphql", s.serve(GraphQL, s.query))
	mux.HandleFunc("POST /{$}", s.serve(JSONRPC, s.call))
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	s.done.Go(func() { s.http.Serve(l) })
	if o.Every > 0 {
		s.done.Go(s.tick)
	}
	return s, nil
}

// Close ends the node.
func (s *Server) Close() error {
	close(s.stop)
	err := s.http.Close()
	s.done.Wait()
	return err
}

func (s *Server) tick() {
	t := time.NewTicker(s.every)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-t.C:
			s.Seal()
		}
	}
}

// GraphQL is the URL of the GraphQL service.
func (s *Server) GraphQL() string { return "http://" + s.address + "/graphql" }

// JSONRPC is the URL of the JSON-RPC service.
func (s *Server) JSONRPC() string { return "http://" + s.address + "/" }

// Pay transfers so many nanos, seals them into a checkpoint, or leaves that to the clock if there is one, and returns the
// digest.
func (s *Server) Pay(from *Wallet, to string, nanos uint64) string {
	d := s.Submit(Transaction{From: from, Pays: []Payment{{to, nanos}}})
	if s.every == 0 {
		s.Seal()
	}
	return d
}

// Submit executes a transaction, to be sealed by the next checkpoint, and returns its digest.
func (s *Server) Submit(t Transaction) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	tx := &transaction{number: s.count, sender: t.From, pays: t.Pays, failed: t.Failed, rebate: t.Rebate, extra: t.Changes, version: s.count + 1}
	tx.execute()
	s.known[tx.digest] = tx
	s.pending = append(s.pending, tx)
	return tx.digest
}

// Seal makes a checkpoint of what was submitted and returns its number.
func (s *Server) Seal() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.checkpoints[len(s.checkpoints)-1]
	c := &checkpoint{number: before.number + 1, at: before.at.Add(250 * time.Millisecond), list: s.pending, total: s.count}
	if s.every > 0 {
		c.at = time.Now().UTC().Truncate(time.Millisecond)
	}
	for _, t := range s.pending {
		t.checkpoint = c.number
	}
	s.pending = nil
	s.checkpoints = append(s.checkpoints, c)
	return c.number
}

// Skip seals so many empty checkpoints.
func (s *Server) Skip(n int) {
	for range n {
		s.Seal()
	}
}

// Balance is what an address owns of the network's coin in sealed checkpoints, in nanos: what it received less what it
// sent. A wallet that only sends is negative, for nobody gave it anything first.
func (s *Server) Balance(address string) *big.Int {
	s.mu.Lock()
	defer s.mu.Unlock()
	total, _ := s.balance(address, IOTA, s.checkpoints[len(s.checkpoints)-1].number)
	return total
}

// balance adds up the changes of an owner up to a checkpoint, and counts the coins he received.
func (s *Server) balance(address, coinType string, last uint64) (total *big.Int, coins int) {
	total = new(big.Int)
	for _, c := range s.checkpoints[:min(uint64(len(s.checkpoints)), last+1)] {
		for _, t := range c.list {
			for _, ch := range t.moved {
				n, ok := new(big.Int).SetString(ch.Amount, 10)
				if !ok || ch.Object || ch.Owner != address || short(ch.Coin) != short(coinType) {
					continue
				}
				total.Add(total, n)
				if n.Sign() > 0 {
					coins++
				}
			}
		}
	}
	return total, coins
}
