package billing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// keepEvery is how often the highest time is stored: what a power cut can take from it at most.
const keepEvery = 10 * time.Second

// Clock is the gateway's time, by which orders lapse and grants start and end. It never runs backwards, over restarts
// too, and it does not believe a wall clock that jumps ahead by more than an hour until somebody confirms it: a
// ledger (Confirm) or the owner (Accept). Until then it goes on with the monotonic clock, is not trusted, and a Shop
// that was given it (SetClock) starts and ends no grant.
//
// Where no ledger is configured nothing can confirm a jump. A gateway that sells nothing has nothing to lose by it:
// its daemon accepts the wall clock whenever it is not trusted.
//
// All methods may be called at the same time, Now within a transaction too.
type Clock struct {
	store *Store
	log   *slog.Logger
	read  func() reading

	deciding sync.Mutex // held while a jump is confirmed; taken before mu

	mu   sync.Mutex // guards what follows; never held over a statement
	line timeline
}

// OpenClock continues the time of the books. Time that passed since they were last kept is recorded as withheld
// ("the gateway was down"), as soon as it is trusted. Call it once, in the process that serves.
func OpenClock(ctx context.Context, store *Store, log *slog.Logger) (*Clock, error) {
	start := time.Now()
	return openClock(ctx, store, log, func() reading {
		now := time.Now()
		return reading{wall: now.Round(0).UTC(), mono: now.Sub(start)}
	})
}

func openClock(ctx context.Context, store *Store, log *slog.Logger, read func() reading) (*Clock, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Clock{store: store, log: log, read: read}
	err := store.write(ctx, "continue the clock", func(tx *sql.Tx) error {
		highest, err := highestTime(ctx, tx)
		if err != nil {
			return err
		}
		// What a run that was killed has left open ends when it is last known to have lived; then it was down.
		if err := closeOpen(ctx, tx, highest); err != nil {
			return err
		}
		store.step("left open closed")
		c.line = beginTimeline(highest, read())
		if !c.line.known {
			return nil
		}
		if !highest.IsZero() { // while it is not trusted, no time has passed yet
			if err := missed(ctx, tx, highest, c.line.now, wasDown); err != nil {
				return err
			}
		}
		store.step("down recorded")
		return reached(ctx, tx, c.line.now)
	})
	if err != nil {
		return nil, err
	}
	store.step("clock continued")
	return c, nil
}

// Now is the gateway's time, UTC and without a monotonic reading, and whether it may be trusted.
func (c *Clock) Now() (now time.Time, trusted bool) {
	line, _ := c.look()
	return line.now, line.trusted
}

// look brings the timeline to the present.
func (c *Clock) look() (timeline, reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.read()
	c.line = c.line.advance(r)
	return c.line, r
}

// due is the time by which rights are judged: it stands still while time is not trusted.
func (c *Clock) due(now time.Time) (due time.Time, trusted bool) {
	line, _ := c.look()
	if !line.trusted && line.lost.Before(now) {
		return line.lost, false
	}
	return now, line.trusted
}

// Confirm tells the time of a ledger's newest state. It confirms a jump of the wall clock if both are within an hour
// of each other; alone it never moves the clock. It reports whether time is trusted because of it.
func (c *Clock) Confirm(ctx context.Context, ledger time.Time) (bool, error) {
	return c.settle(ctx, "the ledger says "+ledger.UTC().Format(time.RFC3339), func(wall time.Time) bool { return near(ledger, wall) })
}

// Accept is the owner's word that the wall clock is right; why stands in the journal. It reports whether time is
// trusted because of it, and refuses a wall clock that shows a time from before this release was made.
func (c *Clock) Accept(ctx context.Context, why string) (bool, error) {
	if line, r := c.look(); !line.trusted && ms(r.wall) < eraMS {
		return false, refuse(CodeConflict, "cannot trust the clock of this machine: it shows "+r.wall.Format(time.RFC3339), "set it, then try again")
	}
	return c.settle(ctx, why, func(time.Time) bool { return true })
}

// settle takes over the wall clock's time if time is not trusted and it agrees.
func (c *Clock) settle(ctx context.Context, why string, agrees func(wall time.Time) bool) (bool, error) {
	c.deciding.Lock()
	defer c.deciding.Unlock()
	line, r := c.look()
	if line.trusted || ms(r.wall) < eraMS || !agrees(r.wall) {
		return false, nil
	}
	err := c.store.write(ctx, "confirm the time", func(tx *sql.Tx) error {
		reason := jumped
		if line.down {
			reason = wasDown
		}
		from, to := line.missed(r)
		if err := missed(ctx, tx, from, to, reason); err != nil {
			return err
		}
		c.store.step("jump recorded")
		if err := reached(ctx, tx, r.wall); err != nil {
			return err
		}
		c.store.step("jump reached")
		return note(ctx, tx, r.wall, Entry{Kind: "clock", Detail: fmt.Sprintf("from %s to %s: %s",
			line.now.Format(time.RFC3339), r.wall.Format(time.RFC3339), why)})
	})
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.line = c.line.confirmed(r)
	return true, nil
}

// Run stores the highest time every ten seconds and once more when ctx ends, before the store is closed. Grants that
// start and end store it in their own transactions.
func (c *Clock) Run(ctx context.Context) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	failing := false
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		// The last time is stored although ctx has ended.
		err := c.keep(context.WithoutCancel(ctx))
		if err != nil && !failing {
			c.log.Warn("time cannot be kept", "error", err)
		}
		failing = err != nil
	}
}

func (c *Clock) keep(ctx context.Context) error {
	line, _ := c.look()
	if !line.known {
		return nil
	}
	return c.store.write(ctx, "keep the time", func(tx *sql.Tx) error { return reached(ctx, tx, line.now) })
}

// highestTime is the highest time of the books, zero in new ones.
func highestTime(ctx context.Context, tx *sql.Tx) (time.Time, error) {
	var highest int64
	err := tx.QueryRowContext(ctx, `SELECT highest_ms FROM clock`).Scan(&highest)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return at(highest), err
}

// reached stores that the gateway has seen a time. One from before the era is no time the gateway ever trusted.
func reached(ctx context.Context, tx *sql.Tx, now time.Time) error {
	if ms(now) < eraMS {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO clock (id, highest_ms) VALUES (1, ?)
		ON CONFLICT (id) DO UPDATE SET highest_ms = excluded.highest_ms WHERE excluded.highest_ms > highest_ms`, ms(now))
	return err
}
