package billing

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

var errTodo = errors.New("not implemented yet")

type Options struct {
	Log  *slog.Logger
	Step func(string)
}

type Store struct{}

func Open(ctx context.Context, path string, o Options) (*Store, error) { return nil, errTodo }
func (s *Store) Close() error                                          { return nil }
func (s *Store) Backup(ctx context.Context, path string) error         { return errTodo }

type Shop struct{}

// NewShop does no I/O; it validates the terms.
func NewShop(store *Store, id *Identity, terms Terms, log *slog.Logger) (*Shop, error) {
	return nil, errTodo
}
func (s *Shop) SetTerms(ctx context.Context, terms Terms, now time.Time) error { return errTodo }
func (s *Shop) Offer(ctx context.Context, now time.Time) ([]byte, error)       { return nil, errTodo }

// Origin is where an order came from.
type Origin struct {
	Transport Transport
	Addr      string // network address without port; "" when unknown (MQTT)
}
type Transport string

const (
	ByMQTT Transport = "mqtt"
	ByHTTP Transport = "http"
)

// PlaceOrder returns the signed invoice or receipt; a *Refusal (errors.AsType) when refused: it marshals to the HTTP error JSON and has ReplyTo.
func (s *Shop) PlaceOrder(ctx context.Context, sealed []byte, origin Origin, now time.Time) ([]byte, error) {
	return nil, errTodo
}
func (s *Shop) OrderState(ctx context.Context, hash string, now time.Time) ([]byte, error) {
	return nil, errTodo
}
func (s *Shop) ReplyTo(ctx context.Context, hash string) (string, error) { return "", errTodo }

type ChangeKind string

const (
	ChangePaid       ChangeKind = "paid"       // part payment
	ChangeGranted    ChangeKind = "granted"    // a pending grant exists: ensure, prove, Activate
	ChangeExtended   ChangeKind = "extended"   // a live grant got longer
	ChangeLapsed     ChangeKind = "lapsed"     // an order's time to pay is over
	ChangeEnded      ChangeKind = "ended"      // a grant is over: ensure
	ChangeUnassigned ChangeKind = "unassigned" // money without an order
)

// Change is something that happened to an order or a grant.
type Change struct {
	Kind     ChangeKind
	Order    string // hash, "" when none
	Username string
	GrantID  int64
	ReplyTo  string // client id
	Document []byte // send to ReplyTo now; nil: nothing to send
}

func (s *Shop) Credit(ctx context.Context, batch Batch, now time.Time) ([]Change, error) {
	return nil, errTodo
}
func (s *Shop) Cursor(ctx context.Context) (string, error) { return "", errTodo }
func (s *Shop) Tick(ctx context.Context, now time.Time) (next time.Time, changes []Change, err error) {
	return time.Time{}, nil, errTodo
}

type GrantState string

const (
	GrantPending GrantState = "pending"
	GrantActive  GrantState = "active"
	GrantEnded   GrantState = "ended"
	GrantRevoked GrantState = "revoked"
)

// Account may log in now.
type Account struct {
	Username string
	Owner    bool
	Credential
	GrantID int64
	State   GrantState // pending: call Activate once proven
	End     time.Time  // zero: pending or forever
}

func (s *Shop) Accounts(ctx context.Context, now time.Time) ([]Account, error) { return nil, errTodo }

// Activated is a grant (of an order) whose access is now announced.
type Activated struct {
	GrantID  int64
	Username string
	Owner    bool
	Order    string // "" for the owner's users
	ReplyTo  string
	Receipt  []byte
	Start    time.Time
	End      time.Time // zero: forever
}

func (s *Shop) Activate(ctx context.Context, grantIDs []int64, now time.Time) ([]Activated, error) {
	return nil, errTodo
}

type Grant struct {
	ID       int64
	Username string
	Owner    bool
	State    GrantState
	Seconds  int64 // 0: forever
	Created  time.Time
	Start    time.Time
	End      time.Time
	Reason   string
}

func (s *Shop) AddGrant(ctx context.Context, username string, d time.Duration, reason string, now time.Time) (Grant, string, error) {
	return Grant{}, "", errTodo
}
func (s *Shop) Revoke(ctx context.Context, username, reason string, now time.Time) error {
	return errTodo
}

type OrderRow struct {
	ID        int64
	Hash      string
	State     string
	Username  string
	Product   string
	Periods   int64
	Network   string
	Reference string
	Amount    Units
	Paid      Units
	Decimals  int
	Seconds   int64
	Placed    time.Time
	Expires   time.Time
}
type Payment struct {
	ID        int64
	Network   string
	Deposit   string
	Address   string
	Reference string
	Sender    string
	Amount    Units
	Decimals  int
	At        time.Time
	Seen      time.Time
	Order     string // "" when unassigned
	Note      string // why it is unassigned
}
type Entry struct {
	ID       int64
	At       time.Time
	Kind     string
	Username string
	Order    string
	Grant    int64
	Payment  int64
	Detail   string
}

// Lists come in pages of up to PageSize rows with an id above after, oldest first.
const PageSize = 1000

func (s *Shop) Grants(ctx context.Context, after int64) ([]Grant, error)       { return nil, errTodo }
func (s *Shop) Orders(ctx context.Context, after int64) ([]OrderRow, error)    { return nil, errTodo }
func (s *Shop) Payments(ctx context.Context, after int64) ([]Payment, error)   { return nil, errTodo }
func (s *Shop) Unassigned(ctx context.Context, after int64) ([]Payment, error) { return nil, errTodo }
func (s *Shop) Journal(ctx context.Context, after int64) ([]Entry, error)      { return nil, errTodo }

// Note writes into the journal what happened outside billing (a breach, a proof).
func (s *Shop) Note(ctx context.Context, kind, detail string, now time.Time) error { return errTodo }
func (s *Shop) Assign(ctx context.Context, paymentID int64, order string, now time.Time) ([]Change, error) {
	return nil, errTodo
}
