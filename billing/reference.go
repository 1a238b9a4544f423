package billing

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"math/big"
	"time"
)

// ReferenceKind is what ties a payment to its order.
type ReferenceKind string

// The kinds of references.
const (
	// ReferenceTag: the payment carries a short text, as on Stardust and in the sandbox. The zero value of a Network.
	ReferenceTag ReferenceKind = "tag"
	// ReferenceAmount: no other order has the amount, as on Rebased, whose payments carry no text.
	ReferenceAmount ReferenceKind = "amount"
	// ReferenceAddress: no other order has the address; it is from the pool (Shop.ImportAddresses). A network of this kind
	// uses the pool alone; one of ReferenceAmount turns to it when its amounts are used up.
	ReferenceAddress ReferenceKind = "address"
)

// MaxRemainder is what ReferenceAmount adds to a price at most, in base units (at least 1). It is paid, and buys time as
// any money does.
const MaxRemainder = 99_999

// For how long a reference belongs to its order, counted from the order's time to pay.
const (
	// amountKept is the memory of amounts: late money is still its order's.
	amountKept = lapsedKept
	// addressKept is that of the addresses of unpaid orders; one that money came to is never used again.
	addressKept = 90 * 24 * time.Hour
)

// maxAmounts bounds the memory of amounts of all networks, in rows of about 70 bytes.
const maxAmounts = 200_000

// clockSkew is how much earlier than its order a payment may seem to be, as ledgers and gateways differ in time: as much
// as a Clock believes a wall clock.
const clockSkew = time.Hour

func (n Network) kind() ReferenceKind {
	if n.Reference == "" {
		return ReferenceTag
	}
	return n.Reference
}

// referenceOf is the short name of an order and, where a payment can carry text, its tag: 80 bits of the order's hash,
// fit for Stardust. It authenticates nothing: whoever pays with it gives the order time.
func referenceOf(hash string) string {
	sum := sha256.Sum256([]byte("wattgate/reference/v1\x00" + hash))
	return "wg-" + lowerBase32.EncodeToString(sum[:10])
}

// told is the reference as invoices tell it.
func (o orderRow) told() string {
	switch o.kind {
	case ReferenceAmount:
		return o.amount.Decimal(0)
	case ReferenceAddress:
		return o.address
	}
	return o.reference
}

// refer gives a new order what its payment will be known by; on a network of amounts that changes what it costs.
func refer(ctx context.Context, tx *sql.Tx, row *orderRow, n Network, open openOrders, now time.Time) error {
	row.kind = n.kind()
	if row.kind == ReferenceTag {
		return nil
	}
	if row.kind == ReferenceAmount && open.plain < maxOpenTransport {
		if found, err := uniqueAmount(ctx, tx, row, MaxRemainder, now); err != nil || found {
			return err
		}
	}
	row.kind = ReferenceAddress
	limit := maxOpenTransport
	if n.kind() == ReferenceAmount {
		limit = maxOpenPooled
	}
	if open.pooled < limit {
		if taken, err := takeAddress(ctx, tx, row, n, now); err != nil || taken {
			return err
		}
	}
	retry, err := firstFree(ctx, tx, open, n.Name, now)
	if err != nil {
		return err
	}
	return busy(retry)
}

// firstFree is when a reference may be free again: when the first open order lapses, or the first amount or address of a
// lapsed one is forgotten.
func firstFree(ctx context.Context, tx *sql.Tx, open openOrders, network string, now time.Time) (time.Time, error) {
	if open.plain >= maxOpenTransport {
		return open.first, nil
	}
	var first sql.NullInt64
	err := tx.QueryRowContext(ctx, `SELECT min(f) FROM (SELECT min(free_ms) AS f FROM amounts WHERE network = ?1
		UNION ALL SELECT min(free_ms) FROM addresses WHERE network = ?1 AND free_ms > ?2)`, network, ms(now)).Scan(&first)
	if err != nil || !first.Valid {
		return now.Add(openFor), err // no pool at all: the owner may fill it
	}
	return at(first.Int64), nil
}

// uniqueAmount adds a remainder from 1 to most to what the order costs, such that no other order has the sum, and
// remembers it.
func uniqueAmount(ctx context.Context, tx *sql.Tx, row *orderRow, most int64, now time.Time) (found bool, err error) {
	if _, err := tx.ExecContext(ctx, `DELETE FROM amounts WHERE free_ms <= ?`, ms(now)); err != nil {
		return false, err
	}
	var span sql.NullInt64
	if err := tx.QueryRowContext(ctx, `SELECT (SELECT max(id) FROM amounts) - (SELECT min(id) FROM amounts)`).Scan(&span); err != nil || span.Int64 >= maxAmounts {
		return false, err
	}
	free := ms(at(row.expires).Add(amountKept))
	for range 16 { // as long as less than half are taken, one in 65,000 orders needs the long way
		if found, err = takeAmount(ctx, tx, row, Units(1+below(most)), free); err != nil || found {
			return found, err
		}
	}
	taken, err := collect(ctx, tx, func(scan func(...any) error) (amount Units, err error) {
		err = scan(&amount)
		return amount, err
	}, `SELECT amount FROM amounts WHERE network = ? AND amount BETWEEN ? AND ?`, row.network, row.amount+1, row.amount+Units(most))
	if err != nil || len(taken) == int(most) {
		return false, err
	}
	isTaken := make(map[Units]bool, len(taken))
	for _, amount := range taken {
		isTaken[amount-row.amount] = true
	}
	remainder := 1 + below(most)
	for isTaken[Units(remainder)] {
		remainder = remainder%most + 1
	}
	return takeAmount(ctx, tx, row, Units(remainder), free)
}

// takeAmount gives the order an amount, if nobody has it; the insert alone decides.
func takeAmount(ctx context.Context, tx *sql.Tx, row *orderRow, remainder Units, freeMS int64) (bool, error) {
	amount, err := row.amount.plus(remainder)
	if err != nil {
		return false, err
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO amounts (network, amount, free_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, row.network, amount, freeMS)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	row.amount = amount
	return true, nil
}

// below is a random number from 0 to n-1.
func below(n int64) int64 {
	k, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil { // crypto/rand never fails
		panic(err)
	}
	return k.Int64()
}
