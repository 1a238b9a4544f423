package billing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Bounds of the pool of addresses.
const (
	maxImport = 10_000  // at once
	maxPool   = 100_000 // of a network
)

// PoolAddress is an address of the pool, for reading.
type PoolAddress struct {
	ID      int64
	Network string
	Address string
	Added   time.Time
	// Order is the hash of the order it was given to last; empty: none yet.
	Order string
	// Free is when it may be given to another order; the zero time: now, unless Paid.
	Free time.Time
	// Paid: money came, it is never given to another order.
	Paid bool
}

// ImportAddresses adds addresses of the present network to the pool, all or none of them; those it knows are passed
// over. check says whether one can receive there; its keys stay where it was made. At most 10,000 are taken at once and
// 100,000 are kept. It returns how many are new.
func (s *Shop) ImportAddresses(ctx context.Context, addresses []string, check func(string) error, now time.Time) (added int, err error) {
	n := s.currentTerms().Network
	if len(addresses) > maxImport {
		return 0, refuse(CodeInvalid, fmt.Sprintf("cannot import %d addresses", len(addresses)), fmt.Sprintf("import at most %d at a time", maxImport))
	}
	if err := checkAddresses(addresses, n, check); err != nil {
		return 0, err
	}
	err = s.store.write(ctx, "import addresses", func(tx *sql.Tx) error {
		added = 0
		for _, a := range addresses {
			res, err := tx.ExecContext(ctx, `INSERT INTO addresses (network, address, added_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, n.Name, a, ms(now))
			if err != nil {
				return err
			}
			fresh, err := res.RowsAffected()
			if err != nil {
				return err
			}
			added += int(fresh)
		}
		var all int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM addresses WHERE network = ?`, n.Name).Scan(&all); err != nil {
			return err
		}
		if all > maxPool {
			return refuse(CodeInvalid, fmt.Sprintf("cannot keep %d addresses", all), fmt.Sprintf("the pool holds at most %d", maxPool))
		}
		return note(ctx, tx, now, Entry{Kind: "addresses", Detail: fmt.Sprintf("%d imported for %s, %d in all", added, n.Name, all)})
	})
	if err != nil {
		return 0, err
	}
	return added, nil
}

// checkAddresses names the first addresses that cannot be used, with their line numbers.
func checkAddresses(addresses []string, n Network, check func(string) error) error {
	var bad []error
	for i, a := range addresses {
		err := error(nil)
		switch {
		case !printable(a, 1, maxAddress):
			err = fmt.Errorf("it must be 1 to %d printable characters", maxAddress)
		case a == n.Address:
			err = errors.New("it is the gateway's main address")
		default:
			err = check(a)
		}
		if err == nil {
			continue
		}
		if bad = append(bad, fmt.Errorf("line %d: %w", i+1, err)); len(bad) == 5 {
			break
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return refuse(CodeInvalid, "cannot import addresses, so none was: "+errors.Join(bad...).Error(), "make them with `wattgate addresses make` for the network "+n.Name)
}

// Addresses lists the pool of all networks.
func (s *Shop) Addresses(ctx context.Context, after int64) ([]PoolAddress, error) {
	list, err := collect(ctx, s.store.db, func(scan func(...any) error) (PoolAddress, error) {
		var a PoolAddress
		var added int64
		var free sql.NullInt64
		err := scan(&a.ID, &a.Network, &a.Address, &added, &a.Order, &free)
		a.Added, a.Free, a.Paid = at(added), at(free.Int64), !free.Valid
		return a, err
	}, `SELECT id, network, address, added_ms, order_hash, free_ms FROM addresses WHERE id > ? ORDER BY id LIMIT ?`, after, PageSize)
	return list, s.store.failed("list the addresses", err)
}

// AddressesLeft counts the addresses of the present network's pool: those an order could be given now, and all.
func (s *Shop) AddressesLeft(ctx context.Context, now time.Time) (left, all int, err error) {
	err = s.store.db.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE free_ms <= ?), count(*) FROM addresses WHERE network = ?`,
		ms(now), s.currentTerms().Network.Name).Scan(&left, &all)
	return left, all, s.store.failed("count the addresses", err)
}

// Receiving lists every address that money for this gateway may arrive at on the present network: the main one first,
// then the pool. A ledger is to watch them all.
func (s *Shop) Receiving(ctx context.Context) ([]string, error) {
	n := s.currentTerms().Network
	list, err := collectInto(ctx, s.store.db, []string{n.Address}, func(scan func(...any) error) (a string, err error) {
		err = scan(&a)
		return a, err
	}, `SELECT address FROM addresses WHERE network = ? AND address <> ? ORDER BY id`, n.Name, n.Address)
	return list, s.store.failed("list the addresses", err)
}

// takeAddress gives the order an address of the pool that is free; those never used come first.
func takeAddress(ctx context.Context, tx *sql.Tx, row *orderRow, n Network, now time.Time) (bool, error) {
	err := tx.QueryRowContext(ctx, `UPDATE addresses SET order_hash = ?1, free_ms = ?2 WHERE id = (SELECT id FROM addresses
		WHERE network = ?3 AND free_ms <= ?4 AND address <> ?5 ORDER BY free_ms, id LIMIT 1) RETURNING address`,
		row.hash, ms(at(row.expires).Add(addressKept)), n.Name, ms(now), n.Address).Scan(&row.address)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
