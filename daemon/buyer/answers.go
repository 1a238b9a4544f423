package buyer

import (
	"context"
	"crypto/ecdh"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/wattgate/wattgate/billing"
)

// take acts on one answer of the gateway.
func (p *purchase) take(ctx context.Context, raw []byte, told *bool) (a Access, done bool, err error) {
	var kind struct {
		Schema string `json:"schema"`
		Error  *struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Fix     string `json:"fix"`
		} `json:"error"`
	}
	if json.Unmarshal(raw, &kind) != nil {
		return Access{}, false, nil // anybody may try to confuse us; what is not signed does not count
	}
	switch {
	case kind.Error != nil:
		return Access{}, false, p.refused(kind.Error.Code, kind.Error.Message, kind.Error.Fix)
	case kind.Schema == "wattgate/invoice/v1":
		return Access{}, false, p.takeInvoice(ctx, raw, told)
	case kind.Schema == "wattgate/receipt/v1":
		return p.takeReceipt(raw)
	}
	return Access{}, false, nil
}

// refused ends an order that was refused before anything was paid. A refusal is not signed, so it is never believed
// about an order that was paid for.
func (p *purchase) refused(code, message, fix string) error {
	if p.book.Pending.Paid || p.book.Pending.Told {
		p.say("the gateway says: %s; waiting, because this order may have been paid\n", message)
		return nil
	}
	next := p.book
	next.Pending = nil
	if err := p.save(next); err != nil {
		return err
	}
	if code == string(billing.CodeBusy) || code == string(billing.CodeNotSelling) {
		return &StoppedError{fmt.Sprintf("the gateway refused the order: %s (%s)", Printable(message), Printable(fix))}
	}
	return fmt.Errorf("the gateway refused the order: %s (%s)", Printable(message), Printable(fix))
}

// takeInvoice checks what is asked for and pays it, once.
func (p *purchase) takeInvoice(ctx context.Context, raw []byte, told *bool) error {
	v, err := billing.VerifyInvoice(raw, p.fingerprint)
	if err != nil || v.Hash != billing.OrderHash(p.book.Pending.Sealed) {
		return nil // not from the gateway, or about another order of ours
	}
	if v.State == billing.StateLapsed {
		return errUnpaid
	}
	if *told || p.book.Pending.Paid {
		return nil
	}
	*told = true
	order := billing.Order{ID: p.book.Pending.Order, Product: p.book.Pending.Product, Periods: p.book.Pending.Periods}
	if err := billing.CheckInvoice(v, p.book.Pending.Sealed, order, p.offer); err != nil {
		return err
	}
	amount, err := v.Amount.Units()
	if err != nil {
		return err
	}
	if err := p.mark(func(o *pending) { o.Told = true }); err != nil {
		return err
	}
	p.say("pay %s IOTA on %s\n  to        %s\n  reference %s\n  until     %s\n",
		v.Amount.Amount, v.Network, v.Address, v.Reference, v.Expires.Local().Format("15:04:05"))
	if p.Wallet == nil {
		if p.Picture {
			drawQR(p.Say, v.Address)
		}
		p.say("waiting for the payment\n")
		return nil
	}
	if err := p.mark(func(o *pending) { o.Paid = true }); err != nil {
		return err
	}
	if err := p.Wallet.Pay(ctx, p.offer, v, amount); err != nil {
		if errors.Is(err, ErrNotPaid) { // for certain: the next run may pay
			err = errors.Join(err, p.mark(func(o *pending) { o.Paid = false }))
		}
		return err
	}
	p.say("paid, waiting for access\n")
	return nil
}

// mark changes the pending order on disk.
func (p *purchase) mark(change func(*pending)) error {
	next := p.book
	order := *p.book.Pending
	change(&order)
	next.Pending = &order
	return p.save(next)
}

// takeReceipt returns the access once the gateway has proven it.
func (p *purchase) takeReceipt(raw []byte) (Access, bool, error) {
	r, err := billing.VerifyReceipt(raw, p.fingerprint)
	hash := billing.OrderHash(p.book.Pending.Sealed)
	if err != nil || r.Hash != hash || r.State == billing.StateSettled {
		return Access{}, false, nil
	}
	password := p.book.Accounts[r.Username]
	if r.SealedPassword != "" {
		key, err := ecdh.X25519().NewPrivateKey(p.book.Pending.ReplyKey)
		if err != nil {
			return Access{}, false, fmt.Errorf("cannot use the stored reply key: %w", err)
		}
		secret, err := billing.OpenReply(r.SealedPassword, key, hash)
		if err != nil {
			return Access{}, false, err
		}
		password = string(secret)
	}
	next := p.book
	next.Pending = nil
	next.Last = r.Username
	next.Accounts[r.Username] = password
	if err := p.save(next); err != nil {
		return Access{}, false, err
	}
	if r.State == billing.StateEnded {
		return Access{}, true, &StoppedError{"what this order bought is over since " + r.End.Local().Format(time.DateTime)}
	}
	return Access{
		Order: hash, Username: r.Username, Password: password,
		Start: r.Start.UTC(), End: r.End.UTC(), Broker: p.Target.Broker, Topics: r.Topics,
		certificate: p.offer.Endpoints.TLSSHA256,
	}, true, nil
}
