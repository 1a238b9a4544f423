package buyer

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/wattgate/wattgate/billing"
)

// Options is what `wattgate buy` was asked for.
type Options struct {
	Target   Target
	Periods  int64  // 0: the least that is sold
	Username string // "": the one bought last from this gateway, else one the gateway makes up
	Wallet   Wallet // nil: the buyer pays by other means
	Identity string // file of the buyer's key, "" = the usual one
	Say      io.Writer
	Picture  bool // Say is a terminal: the address is drawn as a QR code too
}

// Access is what was bought, in the shape of `buy --json`.
type Access struct {
	Order    string    `json:"order"`
	Username string    `json:"username"`
	Password string    `json:"password"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	Broker   string    `json:"broker"`
	Topics   []string  `json:"topics"`

	certificate string // SHA-256 of the certificate that TLS must show, from the offer
}

// resend is how often an order is sent again until it is answered for good: answers by MQTT may be lost with the
// connection, and the same sealed bytes only ask for the present state.
const resend = 3 * time.Second

// placeWithin is how long a new order may be on its way until the gateway refuses it as stale.
const placeWithin = 10 * time.Minute

// Buy orders, has the order paid and returns the access once the gateway has proven it.
func Buy(ctx context.Context, o Options) (Access, error) {
	p, err := newPurchase(o)
	if err != nil {
		return Access{}, err
	}
	for {
		access, again, err := p.attempt(ctx)
		if err != nil || !again {
			return access, err
		}
	}
}

// Offer reads, verifies and returns a gateway's offer as it was sent.
func Offer(ctx context.Context, t Target) (billing.Offer, []byte, error) {
	p, err := newPurchase(Options{Target: t, Say: io.Discard})
	if err != nil {
		return billing.Offer{}, nil, err
	}
	s, err := connect(ctx, t, newClientID())
	if err != nil {
		return billing.Offer{}, nil, err
	}
	defer s.close()
	raw, err := p.readOffer(ctx, s)
	return p.offer, raw, err
}

// purchase is one run of Buy.
type purchase struct {
	Options
	files       files
	key         ed25519.PrivateKey
	offer       billing.Offer
	fingerprint string
	book        book
}

func newPurchase(o Options) (*purchase, error) {
	f, err := openFiles()
	if err != nil {
		return nil, err
	}
	key, err := f.identity(o.Identity)
	if err != nil {
		return nil, err
	}
	return &purchase{Options: o, files: f, key: key}, nil
}

// attempt carries one order to its end: a pending one if there is, a new one else. again says that the pending one came
// to nothing and cost nothing.
func (p *purchase) attempt(ctx context.Context) (access Access, again bool, err error) {
	clientID, err := p.clientID()
	if err != nil {
		return Access{}, false, err
	}
	s, err := connect(ctx, p.Target, clientID)
	if err != nil {
		return Access{}, false, err
	}
	defer s.close()
	if _, err := p.readOffer(ctx, s); err != nil {
		return Access{}, false, err
	}
	resumed := p.book.Pending != nil
	if resumed && p.book.Pending.ReplyTo != clientID {
		// Only now is it known which gateway this is, and that an order of ours waits there: answers go to its client id.
		return Access{}, true, nil
	}
	if !resumed {
		if err := p.prepare(s); err != nil {
			return Access{}, false, err
		}
	} else {
		p.say("going on with an earlier order\n")
	}
	access, err = p.follow(ctx, s)
	if errors.Is(err, errUnpaid) {
		forget := p.book
		forget.Pending = nil
		if err := p.save(forget); err != nil {
			return Access{}, false, err
		}
		if resumed {
			return Access{}, true, nil
		}
		return Access{}, false, &StoppedError{"the order was not paid in time"}
	}
	return access, false, err
}

// clientID is the one a pending order is answered at, or a new one.
func (p *purchase) clientID() (string, error) {
	if p.fingerprint == "" {
		known, err := p.files.trust(p.Target.Broker)
		if err != nil {
			return "", err
		}
		p.fingerprint = known
	}
	if p.Target.Fingerprint != "" {
		p.fingerprint = p.Target.Fingerprint
	}
	if p.fingerprint != "" {
		b, err := p.files.readBook(p.fingerprint)
		if err != nil {
			return "", err
		}
		if b.Pending != nil {
			return b.Pending.ReplyTo, nil
		}
	}
	return newClientID(), nil
}

// readOffer gets the offer and the book of the gateway that signed it.
func (p *purchase) readOffer(ctx context.Context, s *session) (raw []byte, err error) {
	if _, err := p.clientID(); err != nil {
		return nil, err
	}
	if p.offer, raw, err = s.offer(ctx, p.fingerprint); err != nil {
		if known, _ := p.files.trust(p.Target.Broker); known != "" && known == p.fingerprint && p.Target.Fingerprint == "" {
			return nil, fmt.Errorf("%w\n  at this address another gateway answered before, with fingerprint %s; if the change is genuine, name the new one: %s#FINGERPRINT", err, known, p.Target.Broker)
		}
		return nil, err
	}
	if p.fingerprint == "" {
		p.fingerprint = Signer(raw)
		p.say("trusting the gateway with fingerprint %s on first contact\n", p.fingerprint)
	}
	if err := p.files.remember(p.Target.Broker, p.fingerprint); err != nil {
		return nil, err
	}
	p.book, err = p.files.readBook(p.fingerprint)
	return raw, err
}

// prepare makes the order and writes it down before anything is sent.
func (p *purchase) prepare(s *session) error {
	if len(p.offer.Products) == 0 {
		return &StoppedError{"the gateway sells nothing at the moment"}
	}
	product := p.offer.Products[0]
	reply, err := billing.NewReplyKey()
	if err != nil {
		return fmt.Errorf("cannot make a key for the reply: %w", err)
	}
	username := p.Username
	if username == "" {
		username = p.book.Last
	}
	order := billing.Order{
		ID:       billing.NewOrderID(),
		Product:  product.ID,
		Periods:  cmp.Or(p.Periods, product.MinPeriods, 1),
		Username: username,
		ReplyKey: billing.PublicText(reply),
		ReplyTo:  s.clientID,
		// By the gateway's clock where it is ahead of ours, so that a wrong clock here does not make a stale order.
		NotAfter: billing.Stamp{Time: later(time.Now(), p.offer.TS.Time).Add(placeWithin).UTC().Truncate(time.Millisecond)},
	}
	sealed, err := billing.SealOrder(order, p.offer, p.key)
	if err != nil {
		return err
	}
	next := p.book
	next.Pending = &pending{
		Order: order.ID, Sealed: sealed, ReplyKey: reply.Bytes(), ReplyTo: s.clientID,
		Username: username, Product: order.Product, Periods: order.Periods,
	}
	return p.save(next)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (p *purchase) save(b book) error {
	if err := p.files.writeBook(p.fingerprint, b); err != nil {
		return err
	}
	p.book = b
	return nil
}

// errUnpaid says that an order came to its end without money.
var errUnpaid = errors.New("not paid")

// follow sends the pending order until the gateway says that it is active, paying when it is asked to.
func (p *purchase) follow(ctx context.Context, s *session) (Access, error) {
	told := false
	for {
		if err := s.order(ctx, p.book.Pending.Sealed); err != nil {
			return Access{}, err
		}
		timer := time.NewTimer(resend)
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return Access{}, fmt.Errorf("stopped while waiting: %w (run the same command again to go on; nothing is lost)", ctx.Err())
			case <-timer.C:
				waiting = false
			case raw := <-s.replies:
				access, done, err := p.take(ctx, raw, &told)
				if done || err != nil {
					return access, err
				}
			}
		}
	}
}

// say tells the buyer; what came from the network cannot play tricks on his terminal.
func (p *purchase) say(format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = Printable(s)
		}
	}
	fmt.Fprintf(p.Say, format, args...)
}

// Printable replaces what is not printable, as escape sequences and marks that turn the direction of text are.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}
