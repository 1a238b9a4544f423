package billing

import (
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
)

// wallet is the address of a payer, and how the network checks its signatures.
type wallet struct{ key ed25519.PrivateKey }

func newWallet(seed byte) wallet { return wallet{newBuyer(seed).key} }

func (p wallet) address() string { return encoding.EncodeToString(p.key.Public().(ed25519.PublicKey)) }

func (p wallet) sign(fingerprint string, c Claim) Claim {
	c.Signature = encoding.EncodeToString(ed25519.Sign(p.key, ClaimMessage(fingerprint, c)))
	return c
}

func verifyWallet(sender string, message []byte, signature string) error {
	key, err := encoding.DecodeString(sender)
	sig, err2 := encoding.DecodeString(signature)
	if err != nil || err2 != nil || len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, message, sig) {
		return errors.New("the signature is not that of " + sender)
	}
	return nil
}

// claimWorld is a shop on Rebased with a payment of payer that fits nothing, and the order it was meant for.
func claimWorld(t *testing.T, payer wallet) (w *world, v Invoice, good Claim) {
	w = newWorld(t)
	w.use(ReferenceAmount)
	v = w.buy(newBuyer(1), Order{})
	d := w.exact(v)
	d.Amount, d.Sender = 500_000, payer.address() // without the remainder
	w.credit(d)
	return w, v, payer.sign(w.id.Fingerprint(), Claim{Network: "rebased", Payment: d.ID, Order: v.Hash})
}

func TestSenderClaimsHisPaymentOnce(t *testing.T) {
	ctx := context.Background()
	w, v, good := claimWorld(t, newWallet(7))
	changes, err := w.shop.Claim(ctx, good, verifyWallet, w.now)
	w.must(err)
	if g := w.grants(); len(changes) != 1 || changes[0].Kind != ChangeGranted || len(g) != 1 || g[0].Seconds != 3600 || len(w.unassigned()) != 0 {
		t.Fatalf("changes %+v, grants %+v: the remainder is no part of the price", changes, g)
	}
	if again, err := w.shop.Claim(ctx, good, verifyWallet, w.now); err != nil || len(again) != 0 {
		t.Errorf("the same claim again: %+v, %v", again, err)
	}
	other := w.buy(newBuyer(2), Order{})
	_, err = w.shop.Claim(ctx, newWallet(7).sign(w.id.Fingerprint(), Claim{Network: "rebased", Payment: good.Payment, Order: other.Hash}), verifyWallet, w.now)
	wantCode(t, err, CodeConflict)
	if state, _ := w.state(v.Hash); state != StateSettled {
		t.Errorf("order is %s", state)
	}
}

func TestNobodyClaimsWhatHeDidNotPay(t *testing.T) {
	ctx := context.Background()
	w, v, good := claimWorld(t, newWallet(7))
	fp := w.id.Fingerprint()
	change := func(f func(*Claim)) Claim { c := good; f(&c); return c }
	for name, c := range map[string]struct {
		claim Claim
		code  Code
	}{
		"somebody else's signature":  {newWallet(8).sign(fp, good), CodeSignature},
		"signed for another order":   {change(func(c *Claim) { c.Order = strings.Repeat("0", 64) }), CodeSignature},
		"signed for another gateway": {newWallet(7).sign(strings.Repeat("0", 64), good), CodeSignature},
		"signed for another network": {change(func(c *Claim) { c.Network = "testnet" }), CodeInvalid},
		"an unknown payment":         {change(func(c *Claim) { c.Payment = "tx-none" }), CodeNotFound},
		"an unknown order":           {newWallet(7).sign(fp, Claim{Network: "rebased", Payment: good.Payment, Order: strings.Repeat("0", 64)}), CodeNotFound},
		"no signature":               {change(func(c *Claim) { c.Signature = "" }), CodeInvalid},
		"a long signature":           {change(func(c *Claim) { c.Signature = strings.Repeat("a", maxSignature+1) }), CodeInvalid},
		"lines in the payment":       {change(func(c *Claim) { c.Payment = "tx-1\norder: x" }), CodeInvalid},
		"no hash":                    {change(func(c *Claim) { c.Order = strings.ToUpper(c.Order) }), CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.shop.Claim(ctx, c.claim, verifyWallet, w.now)
			wantCode(t, err, c.code)
		})
	}
	_, err := w.shop.Claim(ctx, good, nil, w.now)
	wantCode(t, err, CodeInvalid)
	held := Deposit{ID: "tx-held", Address: "0xmain", Amount: 500_000, Sender: newWallet(7).address(), Hold: "has a timelock", At: w.now}
	nameless := Deposit{ID: "tx-nameless", Address: "0xmain", Amount: 500_000, At: w.now}
	w.credit(held, nameless)
	for _, id := range []string{held.ID, nameless.ID} {
		_, err = w.shop.Claim(ctx, newWallet(7).sign(fp, Claim{Network: "rebased", Payment: id, Order: v.Hash}), verifyWallet, w.now)
		wantCode(t, err, CodeConflict)
	}
	if len(w.grants()) != 0 || len(w.unassigned()) != 3 {
		t.Errorf("grants %+v, unassigned %+v", w.grants(), w.unassigned())
	}
	// What has become of a payment is told to its sender alone.
	w.must(err2(w.shop.Claim(ctx, good, verifyWallet, w.now)))
	_, err = w.shop.Claim(ctx, newWallet(8).sign(fp, good), verifyWallet, w.now)
	wantCode(t, err, CodeSignature)
}
