package acl

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Config is what a Gate needs.
type Config struct {
	Dir    string            // holds acl, passwd, mosquitto.conf, lock
	Socket string            // the internal listener; "": broker.sock in Dir
	Log    *slog.Logger      // required
	Step   func(name string) // called between the steps of an apply; nil in production
}

// Gate keeps a running Mosquitto on a policy. It never starts the broker and
// signals none but the holder of the lock. Its methods may be called at the
// same time.
type Gate struct {
	dir, socket string
	log         *slog.Logger
	step        func(string)
	publisher   Account
	password    string // the publisher's
	sender      *link  // logged in as the publisher; sends canary and marker
	watch       *link  // anonymous; must see the marker alone
	marks       marks
	kill        func(pid int, sig os.Signal) error // signals the lock's holder; replaced by tests alone

	turn chan struct{} // of capacity 1: held by the one Apply or Restore at work

	mu      sync.Mutex       // guards what follows
	current *generation      // what was put on disk last; nil: nothing yet, or not whole
	count   int              // of generations
	stamps  map[string]stamp // of acl and passwd as written, of mosquitto.conf as first seen beside confPID
	confPID int
	judged  map[string]bool // topics that only a breach shows to the watch
	leaks   int             // messages the watch should not have seen
	proof   *Proof          // nil: not proven
	breach  string          // reason of the last breach since the last proof
	reason  string          // why there is no proof
	still   stillness       // of a broker that does not answer
	since   time.Time       // when proof last came or went
	reloads int
	repeats int
}

// generation is one rendering of a policy.
type generation struct {
	number   int
	hash     [32]byte
	policy   Policy
	probe    Account
	password string // the probe's
	topic    string // below $canary/; only this probe may read it
}

// Proof says that a broker obeyed a generation of the files.
type Proof struct {
	Generation int           // counted from 1 at the start of the gateway
	BrokerPID  int           // the process that was proven
	At         time.Time     // when
	Took       time.Duration // from the files in place to the proof
}

// Status is for the status page.
type Status struct {
	Proven          bool
	Since           time.Time // when Proven last changed; zero before the first proof
	Reason          string    // why not proven; empty while proven
	Generation      int       // of the files on disk; 0 before the first Apply
	BrokerPID       int       // of the proven broker; 0 while not proven
	Reloads         int       // signals sent to brokers
	SignalsRepeated int       // those of them that followed one without effect
}

// New makes a gate and the random publisher account of this start. It does no
// I/O.
func New(c Config) *Gate {
	g := &Gate{
		dir: c.Dir, socket: c.Socket, log: c.Log, step: c.Step,
		turn:   make(chan struct{}, 1),
		stamps: map[string]stamp{},
		judged: map[string]bool{},
		reason: "no policy has been applied yet",
	}
	if g.socket == "" {
		g.socket = filepath.Join(c.Dir, socketName)
	}
	if g.step == nil {
		g.step = func(string) {}
	}
	g.publisher, g.password = randomAccount("gw")
	g.sender = newLink("publisher", g.socket, g.publisher.Name, g.password, nil, g.log)
	g.watch = newLink("watch", g.socket, "", "", g.seen, g.log)
	g.watch.require(watchFilters(nil))
	g.marks.prefix = rand.Text()
	g.kill = g.signal
	return g
}

// randomAccount makes an account nobody can guess, with its password.
func randomAccount(kind string) (Account, string) {
	var b [4]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	password := NewPassword()
	entry, err := NewEntry(password, GeneratedIterations)
	if err != nil {
		panic(fmt.Sprintf("acl: a generated password is refused: %v", err)) // a bug: both come from this package
	}
	return Account{Name: kind + "-" + hex.EncodeToString(b[:]), Entry: entry}, password
}

// Run keeps the gate's two connections to the broker until the context ends,
// and returns nil when both are closed. Apply and Check need it.
func (g *Gate) Run(ctx context.Context) error {
	var both sync.WaitGroup
	both.Go(func() { g.watch.run(ctx) })
	both.Go(func() { g.sender.run(ctx) })
	both.Wait()
	g.log.Info("gate stopped", "why", context.Cause(ctx))
	return nil
}

// Publisher returns the account with which the gateway publishes, and its
// password. Apply adds it to every policy; it works once the first Apply has
// succeeded.
func (g *Gate) Publisher() (Account, string) {
	return g.publisher, g.password
}

// Status tells where the gate stands.
func (g *Gate) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Status{Proven: g.proof != nil, Since: g.since, Reloads: g.reloads, SignalsRepeated: g.repeats, Generation: g.count}
	if g.proof != nil {
		s.BrokerPID = g.proof.BrokerPID
	} else {
		s.Reason = g.reason
	}
	return s
}

// unprove takes the proof away. mu is held.
func (g *Gate) unprove(reason string) {
	if g.proof != nil {
		g.log.Warn("proof withdrawn", "reason", reason, "broker_pid", g.proof.BrokerPID)
	}
	g.withdraw(reason)
}

func (g *Gate) withdraw(reason string) {
	if g.proof != nil {
		g.since = time.Now()
	}
	g.proof = nil
	g.reason = reason
}
