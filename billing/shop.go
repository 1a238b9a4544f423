package billing

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Shop sells access: it takes orders and deposits and says who may log in. All methods may be called at the same time.
// Each is told the time; none reads a clock.
type Shop struct {
	store *Store
	id    *Identity
	log   *slog.Logger

	mu    sync.Mutex // guards what follows; taken before a transaction, never in one
	terms Terms
	offer cachedOffer
	clock *Clock // nil: every time is trusted
}

// NewShop makes a shop over an open store; it does no I/O. A nil log is silent.
func NewShop(store *Store, id *Identity, terms Terms, log *slog.Logger) (*Shop, error) {
	if err := terms.Validate(); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Shop{store: store, id: id, terms: terms, log: log}, nil
}

// SetTerms replaces what is sold. A changed price becomes a new version from now on; open orders keep theirs. What
// was bought with play money ends at the next Tick if the network is another one now.
func (s *Shop) SetTerms(ctx context.Context, terms Terms, now time.Time) error {
	if err := terms.Validate(); err != nil {
		return err
	}
	err := s.store.write(ctx, "store the terms", func(tx *sql.Tx) error {
		_, err := currentPrice(ctx, tx, terms, now)
		return err
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if terms.Network.Name != s.terms.Network.Name {
		defer s.store.changed() // play money counts on its own network only
	}
	s.terms, s.offer = terms, cachedOffer{}
	return nil
}

// SetClock has grants start and end, and orders lapse, only while the clock is trusted: until then the shop judges them
// by the time at which trust was lost. All times it is told must then be of this clock.
func (s *Shop) SetClock(c *Clock) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = c
}

// due is the time by which rights are judged, and whether any may change by it. It must not be called in a
// transaction: Offer begins one under the mutex.
func (s *Shop) due(now time.Time) (due time.Time, trusted bool) {
	s.mu.Lock()
	c := s.clock
	s.mu.Unlock()
	if c == nil {
		return now, true
	}
	return c.due(now)
}

// begin is the start of a transaction that changes rights; it is made before the transaction.
func (s *Shop) begin(now time.Time) crediting {
	c := crediting{shop: s, terms: s.currentTerms(), now: now}
	c.due, c.trusted = s.due(now)
	return c
}

// in is the crediting in a transaction.
func (c crediting) in(tx *sql.Tx) *crediting {
	c.tx = tx
	return &c
}

func (s *Shop) currentTerms() Terms {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.terms
}

// priceRow is a stored version of the price.
type priceRow struct {
	Price
	ID       int64
	Decimals int
	Product  string
}

const priceColumns = `SELECT id, product, decimals, amount, period_s, min_periods FROM prices `

func scanPrice(row *sql.Row) (priceRow, error) {
	var p priceRow
	err := row.Scan(&p.ID, &p.Product, &p.Decimals, &p.Amount, &p.Period, &p.MinPeriods)
	return p, err
}

// currentPrice is the version that the terms sell at; it is stored the first time it is asked for.
func currentPrice(ctx context.Context, tx *sql.Tx, t Terms, now time.Time) (priceRow, error) {
	p, err := scanPrice(tx.QueryRowContext(ctx, priceColumns+`WHERE network = ? ORDER BY id DESC LIMIT 1`, t.Network.Name))
	want := priceRow{Price: t.Price, ID: p.ID, Decimals: t.Network.Decimals, Product: t.Product.ID}
	if err == nil && p == want {
		return p, nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return priceRow{}, err
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO prices (network, product, decimals, amount, period_s, min_periods, since_ms) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		t.Network.Name, t.Product.ID, t.Network.Decimals, t.Price.Amount, t.Price.Period, t.Price.MinPeriods, ms(now))
	if err != nil {
		return priceRow{}, err
	}
	want.ID, err = res.LastInsertId()
	return want, err
}

// priceAt is the version in force on a network at a moment; before the first one, the first.
func priceAt(ctx context.Context, tx *sql.Tx, network string, moment int64) (priceRow, error) {
	return scanPrice(tx.QueryRowContext(ctx, priceColumns+`WHERE network = ?1 ORDER BY since_ms > ?2,
		CASE WHEN since_ms <= ?2 THEN -since_ms ELSE since_ms END, CASE WHEN since_ms <= ?2 THEN -id ELSE id END LIMIT 1`, network, moment))
}
