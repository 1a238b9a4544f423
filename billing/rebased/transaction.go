package rebased

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"time"

	"github.com/wattgate/wattgate/billing"
)

// transaction is what either kind of node tells of one.
type transaction struct {
	digest     string
	sender     string // empty: the system
	success    bool
	checkpoint uint64
	at         time.Time // of the checkpoint
	changes    []change
}

// change is what a transaction did to a balance.
type change struct {
	owner    string // empty: shared or immutable
	object   bool   // the owner is an object
	coinType string
	amount   *big.Int
}

// maxAmountDigits bounds an amount before it is parsed; coins have at most 2⁶⁴ units, sums stay far below.
const maxAmountDigits = 40

var amountForm = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

// parseAmount reads a signed decimal number of nanos.
func parseAmount(text string) (*big.Int, error) {
	if len(text) > maxAmountDigits || !amountForm.MatchString(text) {
		return nil, fmt.Errorf("amount %s is no decimal number", clean(text))
	}
	n, _ := new(big.Int).SetString(text, 10)
	return n, nil
}

// gains adds up what each address gained in IOTA, net. What objects own and what the sender himself gained is left out,
// and so is everything of a transaction that failed: the rest of its gas is no payment.
func (t transaction) gains() map[string]*big.Int {
	sums := map[string]*big.Int{}
	if !t.success {
		return sums
	}
	for _, c := range t.changes {
		if c.owner == "" || c.owner == t.sender || c.object || !isIOTA(c.coinType) {
			continue
		}
		if sums[c.owner] == nil {
			sums[c.owner] = new(big.Int)
		}
		sums[c.owner].Add(sums[c.owner], c.amount)
	}
	for owner, sum := range sums {
		if sum.Sign() <= 0 {
			delete(sums, owner)
		}
	}
	return sums
}

// deposit is what the transaction brought to address; ok is false if it brought nothing. Its ID is the digest; where
// others were paid too the address is added, because more than one of them may be ours. What the ID is must not depend on
// which addresses are watched, or the same money could be listed twice.
func (t transaction) deposit(address string) (d billing.Deposit, ok bool, err error) {
	gains := t.gains()
	gain := gains[address]
	if gain == nil {
		return d, false, nil
	}
	if !gain.IsInt64() {
		return d, false, fmt.Errorf("cannot count transaction %s: it brings %s nanos: %w (the node cannot be right, use another one)",
			clean(t.digest), clean(gain.String()), billing.ErrOverflow)
	}
	id := t.digest
	if len(gains) > 1 {
		id += ":" + address
	}
	return billing.Deposit{ID: id, Address: address, Sender: t.sender, Amount: billing.Units(gain.Int64()), At: t.at}, true, nil
}

// digestBytes is the size of a transaction's digest.
const digestBytes = 32

// isDigest reports whether text is 32 bytes in base58.
func isDigest(text string) bool {
	const digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	if len(text) < digestBytes || len(text) > 44 {
		return false
	}
	n, base := new(big.Int), big.NewInt(58)
	for _, c := range []byte(text) {
		d := slices.Index([]byte(digits), c)
		if d < 0 {
			return false
		}
		n.Add(n.Mul(n, base), big.NewInt(int64(d)))
	}
	zeros := 0
	for zeros < len(text) && text[zeros] == '1' {
		zeros++
	}
	return zeros+(n.BitLen()+7)/8 == digestBytes
}
