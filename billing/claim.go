package billing

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"
)

// Claim is a payer's word that an unassigned payment was for an order. Payments are public: only the signature of the
// address that paid makes it his.
type Claim struct {
	// Network must be the gateway's present one.
	Network string `json:"network"`
	// Payment is the deposit's id there: the digest of a transaction on Rebased, an output id on Stardust.
	Payment string `json:"payment"`
	// Order is the hash of the sealed order that is to have the money.
	Order string `json:"order"`
	// Signature of ClaimMessage by the address that paid, in the form that the network's wallets give it.
	Signature string `json:"signature"`
}

// maxSignature bounds a wallet's signature, in bytes; one of several keys is longer than a single one.
const maxSignature = 4096

// ClaimMessage is the text a payer signs with his wallet, which shows it to him: lines of ASCII, the last without an end.
// It is good for one payment, one order and one gateway.
func ClaimMessage(fingerprint string, c Claim) []byte {
	return []byte("wattgate/claim/v1\nI made this payment. Credit it to this order.\ngateway: " + strings.ToLower(fingerprint) +
		"\nnetwork: " + c.Network + "\npayment: " + c.Payment + "\norder: " + c.Order)
}

// Claim credits an unassigned payment to the order that its sender names, once. verify reports whether the address
// sender signed the message; nil: there is no such thing on this network. The same claim again changes nothing and is no
// error: OrderState has the receipt. How often somebody may try is the caller's business.
//
// Nothing but the payment's existence is told to who did not sign.
func (s *Shop) Claim(ctx context.Context, c Claim, verify func(sender string, message []byte, signature string) error, now time.Time) (changes []Change, err error) {
	begun := s.begin(now)
	if err := c.check(begun.terms.Network.Name, verify != nil); err != nil {
		return nil, err
	}
	paid, err := s.claimed(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := verify(paid.sender, ClaimMessage(s.id.Fingerprint(), c), c.Signature); err != nil {
		return nil, refuse(CodeSignature, "cannot accept the claim: "+cleanText(err.Error(), 200), "sign the message of the documentation, byte by byte, with the address that paid")
	}
	err = s.store.write(ctx, "credit the claim", func(tx *sql.Tx) error {
		k := begun.in(tx)
		if err := k.endGrants(ctx, c.Network); err != nil {
			return err
		}
		if err := k.claim(ctx, c, paid); err != nil {
			return err
		}
		changes = k.changes
		return nil
	})
	if err != nil {
		return nil, err
	}
	return changes, nil
}

// check refuses what is no claim.
func (c Claim) check(network string, possible bool) error {
	switch {
	case c.Network != network:
		return refuse(CodeInvalid, "cannot take a claim for this network", "claim payments on "+network)
	case !possible:
		return refuse(CodeInvalid, "cannot take claims on "+network+": its payments have no sender who signs", "ask the owner to assign the payment")
	case !printable(c.Payment, 1, maxDepositID):
		return refuse(CodeInvalid, "cannot use the payment's id", "use the id that the network gave the payment")
	case len(c.Order) != 64 || strings.Trim(c.Order, "0123456789abcdef") != "":
		return refuse(CodeInvalid, "cannot use the order's hash", "use the lower-case hex SHA-256 of the sealed order")
	case !printable(c.Signature, 1, maxSignature):
		return refuse(CodeInvalid, "cannot use the signature", "use the text that the wallet gave")
	}
	return nil
}

// claimedPayment is what does not change about a payment.
type claimedPayment struct {
	id     int64
	sender string
	amount Units
	atMS   int64
}

// claimed finds the payment of a claim.
func (s *Shop) claimed(ctx context.Context, c Claim) (p claimedPayment, err error) {
	err = s.store.db.QueryRowContext(ctx, `SELECT id, sender, amount, at_ms FROM payments WHERE network = ? AND deposit_id = ?`, c.Network, c.Payment).
		Scan(&p.id, &p.sender, &p.amount, &p.atMS)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return p, refuse(CodeNotFound, "cannot find the payment", "wait until it is final; check its id and that it went to the gateway's address")
	case err != nil:
		return p, s.store.failed("look up the payment", err)
	case p.sender == "":
		return p, refuse(CodeConflict, "cannot take a claim for this payment: it has no single sender", "ask the owner to assign it")
	}
	return p, nil
}

// claim is the part of a claim whose signature was verified.
func (k *crediting) claim(ctx context.Context, c Claim, p claimedPayment) error {
	var held bool
	var order sql.NullString
	err := k.tx.QueryRowContext(ctx, `SELECT p.held, o.hash FROM payments p LEFT JOIN orders o ON o.id = p.order_id WHERE p.id = ?`, p.id).Scan(&held, &order)
	switch {
	case err != nil:
		return err
	case order.String == c.Order:
		return nil
	case order.Valid:
		return refuse(CodeConflict, "cannot credit the payment: it belongs to another order already", "ask the owner")
	case held:
		return refuse(CodeConflict, "cannot credit the payment by a claim: it is bound to conditions", "ask the owner to assign it")
	}
	o, err := orderBy(ctx, k.tx, `o.hash = ? AND o.network = ?`, c.Order, c.Network)
	if err != nil {
		return err
	}
	if err := k.assign(ctx, p.id, p.amount, p.atMS, o); err != nil {
		return err
	}
	return note(ctx, k.tx, k.now, Entry{Kind: "claimed", Username: o.username, Order: o.hash, Payment: p.id, Detail: "by the signature of " + p.sender})
}
