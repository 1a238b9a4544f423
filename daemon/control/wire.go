package control

import "time"

// The states a gateway can be in, as Status.State and the retained topic wattgate/status carry them.
const (
	StateServing  = "serving"  // everything that is offered is delivered
	StatePrivate  = "private"  // publish.level is private: outsiders get no reading, by the owner's choice
	StateDegraded = "degraded" // it serves, but something the owner should look at is wrong
	StateWithheld = "withheld" // readings are held back because the broker does not provably obey the rights
)

// Status is the answer to GET /v1/status.
type Status struct {
	State   string    `json:"state"`
	Reasons []string  `json:"reasons"`
	Since   time.Time `json:"since"`
	Level   string    `json:"level"`
	Broker  Broker    `json:"broker"`
	Ledger  Ledger    `json:"ledger"`
	Clock   Clock     `json:"clock"`
	Plugs   PlugCount `json:"plugs"`
	Version string    `json:"version"`
	Gateway string    `json:"gateway"` // fingerprint of the identity key, hex
	Next    []string  `json:"next"`    // what the owner may want to do next, in words
}

// Serving reports whether the gateway does what the owner asked of it, be it to sell or to stay private.
func (s Status) Serving() bool { return s.State != StateWithheld }

// Broker is what the gateway knows of Mosquitto.
type Broker struct {
	PID        int        `json:"pid"` // 0: not running
	Connected  bool       `json:"connected"`
	Proven     bool       `json:"proven"` // the current rights are proven to be in force
	Reloads    int        `json:"reloads"`
	Generation int        `json:"generation"`
	Listeners  []Listener `json:"listeners"`
}

// Listener is one address something listens on, or would if it could.
type Listener struct {
	Name    string `json:"name"`             // configuration key, e.g. broker.listen
	Address string `json:"address"`          // host:port
	Problem string `json:"problem"`          // empty: it listens
	Remedy  string `json:"remedy,omitempty"` // the command that moves it
}

// Ledger is what the gateway knows of the network payments come from.
type Ledger struct {
	Network string    `json:"network"`         // empty: nothing is sold
	Chain   string    `json:"chain,omitempty"` // what its nodes call it, once one has answered
	Address string    `json:"address,omitempty"`
	Seen    time.Time `json:"seen,omitzero"` // when the node last answered
	Problem string    `json:"problem"`
}

// Clock says whether the gateway trusts its time.
type Clock struct {
	Trusted bool      `json:"trusted"`
	Now     time.Time `json:"now"`
}

// PlugCount is how many of the expected plugs have a current reading.
type PlugCount struct {
	Current  int `json:"current"`
	Expected int `json:"expected"`
}

// Plug is one row of GET /v1/plugs.
type Plug struct {
	ID       string    `json:"id"`   // the name used in topics
	Name     string    `json:"name"` // the owner's name, empty if none was given
	Serial   string    `json:"serial"`
	Friendly string    `json:"friendly_name"`
	Brand    string    `json:"brand"`
	Model    string    `json:"model"`
	Firmware string    `json:"firmware"`
	Address  string    `json:"address"`
	State    string    `json:"state"`
	Relay    string    `json:"relay"`
	PowerW   *float64  `json:"power_w"`
	AgeMS    *int64    `json:"age_ms"`
	RateHz   float64   `json:"rate_hz"`
	Missed   uint64    `json:"missed"`
	Failed   uint64    `json:"failed"`
	Events   bool      `json:"events"` // its readings arrive as events
	Counts   bool      `json:"counts"` // metered and allowed by plugs.allow
	Since    time.Time `json:"since,omitzero"`
	Problem  string    `json:"problem"`
}

// NamePlug is the body of POST /v1/plugs/name.
type NamePlug struct {
	Serial string `json:"serial"`
	Name   string `json:"name"`
}

// Grant is one row of GET /v1/grants.
type Grant struct {
	Username string     `json:"username"`
	State    string     `json:"state"`
	Start    *time.Time `json:"start"`
	End      *time.Time `json:"end"` // null: for ever, or not started
	Reason   string     `json:"reason"`
	Owner    bool       `json:"owner"`

	// WithheldS is how many seconds of its time nobody was served in.
	WithheldS float64 `json:"withheld_s"`
}

// AddGrant is the body of POST /v1/grants. Seconds 0 means for ever.
type AddGrant struct {
	Username string `json:"username"`
	Seconds  int64  `json:"seconds"`
	Reason   string `json:"reason"`
}

// NewGrant answers AddGrant; it is the only place where the password is ever shown.
type NewGrant struct {
	Grant
	Password string `json:"password"`
}

// RevokeGrant is the body of POST /v1/grants/revoke.
type RevokeGrant struct {
	Username string `json:"username"`
	Reason   string `json:"reason"`
}

// Order is one row of GET /v1/orders.
type Order struct {
	Hash      string    `json:"hash"`
	Reference string    `json:"reference"`
	State     string    `json:"state"`
	Username  string    `json:"username"`
	Periods   int64     `json:"periods"`
	Amount    string    `json:"amount"` // in IOTA
	Paid      string    `json:"paid"`
	Placed    time.Time `json:"placed"`
	Expires   time.Time `json:"expires"`
}

// Payment is one row of GET /v1/payments.
type Payment struct {
	ID        int64     `json:"id"`
	Network   string    `json:"network"`
	Deposit   string    `json:"deposit"` // the network's own id of it
	Amount    string    `json:"amount"`  // in IOTA
	Reference string    `json:"reference"`
	Sender    string    `json:"sender"`
	At        time.Time `json:"at"`
	Order     string    `json:"order"` // empty: unassigned
	Note      string    `json:"note"`  // why it is unassigned
}

// AssignPayment is the body of POST /v1/payments/assign.
type AssignPayment struct {
	Payment int64  `json:"payment"` // Payment.ID
	Order   string `json:"order"`   // Order.Hash
}

// Pool is the answer to GET and POST /v1/addresses.
type Pool struct {
	Left  int `json:"left"`  // may be given to an order now
	All   int `json:"all"`   // ever imported for this network
	Added int `json:"added"` // by this call
}

// ImportAddresses is the body of POST /v1/addresses.
type ImportAddresses struct {
	Addresses string `json:"addresses"` // separated by blanks or line ends
}

// TLS is the answer to GET /v1/tls and to SetTLS.
type TLS struct {
	SHA256   string    `json:"sha256"` // of the certificate (DER), lower-case hex
	NotAfter time.Time `json:"not_after"`
	SelfMade bool      `json:"self_made"`
}

// SetTLS is the body of POST /v1/tls.
type SetTLS struct {
	Bundle string `json:"bundle"` // PEM: the certificate, its chain, its key
}

// Restored is the answer to POST /v1/restore.
type Restored struct {
	Gateway  string    `json:"gateway"` // fingerprint of the identity key that came with it
	Made     time.Time `json:"made"`
	Identity bool      `json:"identity"` // the identity key was in it
	Same     bool      `json:"same"`     // the gateway had this identity before
}

// Done answers a change that has nothing to tell.
type Done struct {
	Done string `json:"done"` // what was done, in words
}

// Error is how every refusal looks: a code to branch on, a sentence that names what is wrong, and what to do about it.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Fix     string `json:"fix"`
}

// Error implements error.
func (e *Error) Error() string {
	if e.Fix == "" {
		return e.Message
	}
	return e.Message + "\n  " + e.Fix
}

// Envelope is the JSON shape around an Error.
type Envelope struct {
	Error *Error `json:"error"`
}
