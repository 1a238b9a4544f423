package rebasedtest

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"
)

// IOTA is the type of the network's coin as indexers write it.
const IOTA = "0x0000000000000000000000000000000000000000000000000000000000000002::iota::IOTA"

// What a transaction costs in nanos: computation, and storage for each new coin; as the network charges.
const (
	gasPrice    = 1000
	gasBudget   = 50_000_000
	computation = 1_000_000
	storageCoin = 980_400
)

// Payment is money for somebody in a transaction.
type Payment struct {
	To     string
	Amount uint64 // nanos
}

// Change is a change of balance that a transaction shows beside those of its payments.
type Change struct {
	// Owner is an address or, with Object, an object id; empty: shared.
	Owner  string
	Object bool
	// Coin is the coin's type, such as IOTA, written as it is.
	Coin string
	// Amount is a signed decimal number, written as it is.
	Amount string
}

// Transaction is what Submit executes.
type Transaction struct {
	From *Wallet
	Pays []Payment
	// Failed: it changed nothing but cost gas.
	Failed bool
	// Rebate is given back for storage, in nanos; more than the gas makes the sender gain.
	Rebate uint64
	// Changes are shown beside those of the payments.
	Changes []Change
}

// transaction is one of the ledger; immutable once it is there.
type transaction struct {
	digest     string
	number     uint64 // in the sequence of all, from 1
	checkpoint uint64
	sender     *Wallet
	pays       []Payment
	failed     bool
	rebate     uint64
	extra      []Change
	version    uint64 // of the objects it wrote
	made       []coin
	moved      []Change
}

// execute works out what the transaction does; nothing of it changes any more.
func (t *transaction) execute() {
	t.digest = digest("TransactionData::", t.data())
	t.made = t.coins()
	t.moved = t.changes()
}

// checkpoint is a sealed part of the ledger.
type checkpoint struct {
	number uint64
	at     time.Time
	list   []*transaction
	total  uint64 // transactions up to its end
}

// coin is a coin object that a transaction created.
type coin struct {
	id, owner string
	value     uint64
}

func (t *transaction) coins() (list []coin) {
	if t.failed {
		return nil
	}
	for i, p := range t.pays {
		list = append(list, coin{hash("coin", fmt.Appendf(nil, "%s %d", t.digest, i)), p.To, p.Amount})
	}
	return list
}

// gasUsed is computation, computation burned, storage, rebate and the fee that is not refunded.
func (t *transaction) gasUsed() [5]uint64 {
	return [5]uint64{computation, computation, storageCoin * uint64(1+len(t.coins())), storageCoin + t.rebate, 0}
}

func (t *transaction) gasBefore() string {
	return digest("object", fmt.Appendf(nil, "%s %d", t.sender.gas, t.version-1))
}

func (t *transaction) gasAfter() string {
	return digest("object", fmt.Appendf(nil, "%s %d", t.sender.gas, t.version))
}

// changes are all changes of balance: what was paid, net, then the others.
func (t *transaction) changes() []Change {
	g := t.gasUsed()
	net := map[string]*big.Int{}
	add := func(owner string, n *big.Int) {
		if net[owner] == nil {
			net[owner] = new(big.Int)
		}
		net[owner].Add(net[owner], n)
	}
	add(t.sender.Address, new(big.Int).Sub(new(big.Int).SetUint64(g[3]), new(big.Int).SetUint64(g[0]+g[2])))
	if !t.failed {
		for _, p := range t.pays {
			n := new(big.Int).SetUint64(p.Amount)
			add(t.sender.Address, new(big.Int).Neg(n))
			add(p.To, n)
		}
	}
	var list []Change
	for _, owner := range slices.Sorted(maps.Keys(net)) {
		if net[owner].Sign() != 0 {
			list = append(list, Change{Owner: owner, Coin: IOTA, Amount: net[owner].String()})
		}
	}
	return append(list, t.extra...)
}

// touches reports whether an object that the transaction wrote belongs to an address afterwards. The sender's gas coin
// always does.
func (t *transaction) touches(address string) bool {
	if t.sender.Address == address {
		return true
	}
	for _, c := range t.made {
		if c.owner == address {
			return true
		}
	}
	for _, c := range t.extra {
		if c.Owner == address {
			return true
		}
	}
	return false
}

func (c *checkpoint) digest() string { return digest("checkpoint", fmt.Appendf(nil, "%d", c.number)) }

// short writes a coin type as JSON-RPC does: without leading zeros.
func short(coinType string) string {
	address, rest, found := strings.Cut(coinType, "::")
	digits, hexadecimal := strings.CutPrefix(address, "0x")
	if !found || !hexadecimal || len(digits) != 64 {
		return coinType
	}
	return "0x" + strings.TrimLeft(digits[:63], "0") + digits[63:] + "::" + rest
}
