package billing

import (
	"context"
	"database/sql"
	"time"
)

// leastWithheld is one slot: what is shorter has cost nobody a reading.
const leastWithheld = 500 * time.Millisecond

// maxReason bounds why something was withheld, in bytes.
const maxReason = 200

// Reasons that the clock gives for time that nobody was served in.
const (
	wasDown = "the gateway was down"
	jumped  = "the machine slept or its clock was set forward"
)

// Withhold begins an interval in which paid data is kept from everybody. While one is open it changes nothing, so it
// may be called again and again; the first reason stays. An interval begins no earlier than the last one ended.
func (s *Shop) Withhold(ctx context.Context, from time.Time, reason string) error {
	err := s.store.write(ctx, "record that readings are withheld", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO withheld (from_ms, reason)
			SELECT max(?1, coalesce((SELECT max(to_ms) FROM withheld), ?1)), ?2 WHERE NOT EXISTS (SELECT 1 FROM withheld WHERE to_ms IS NULL)`,
			ms(from), cleanText(reason, maxReason))
		if err != nil {
			return err
		}
		s.store.step("interval opened")
		return reached(ctx, tx, from)
	})
	s.store.step("interval open")
	return err
}

// Resume ends the open interval, if there is one; one that is shorter than a slot is forgotten.
func (s *Shop) Resume(ctx context.Context, to time.Time) error {
	err := s.store.write(ctx, "record that readings go out again", func(tx *sql.Tx) error {
		if err := closeOpen(ctx, tx, to); err != nil {
			return err
		}
		s.store.step("interval closed")
		return reached(ctx, tx, to)
	})
	s.store.step("interval over")
	return err
}

// closeOpen ends the open interval, or drops it when it is too short.
func closeOpen(ctx context.Context, tx *sql.Tx, to time.Time) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM withheld WHERE to_ms IS NULL AND ?1 - from_ms < ?2`, ms(to), leastWithheld.Milliseconds()); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE withheld SET to_ms = ? WHERE to_ms IS NULL`, ms(to))
	return err
}

// missed records an interval that is over, if a grant was active in it. It goes after what was recorded already and
// keeps its length; an open one covers it.
func missed(ctx context.Context, tx *sql.Tx, from, to time.Time, reason string) error {
	length := to.Sub(from).Milliseconds()
	if length < leastWithheld.Milliseconds() {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO withheld (from_ms, to_ms, reason)
		SELECT f, f + ?2, ?3 FROM (SELECT max(?1, coalesce((SELECT max(to_ms) FROM withheld), ?1)) AS f)
		WHERE NOT EXISTS (SELECT 1 FROM withheld WHERE to_ms IS NULL)
		AND EXISTS (SELECT 1 FROM grants WHERE start_ms < f + ?2 AND (end_ms IS NULL OR end_ms > f))`, ms(from), length, reason)
	return err
}

// withheldOf is a column of grants: the overlap of the intervals with the grant's active time, in milliseconds. They are
// disjoint, so the sum never exceeds that time, and those that count are in sequence, beginning with the last one before
// the start. An open one counts as far as the highest time; a grant that never started missed nothing.
const withheldOf = `CASE WHEN grants.start_ms IS NULL THEN 0 ELSE coalesce((
	SELECT sum(max(0, min(coalesce(w.to_ms, (SELECT highest_ms FROM clock), w.from_ms), coalesce(grants.end_ms, 1 << 62)) - max(w.from_ms, grants.start_ms)))
	FROM withheld w WHERE w.from_ms < coalesce(grants.end_ms, 1 << 62)
	AND w.from_ms >= coalesce((SELECT max(from_ms) FROM withheld WHERE from_ms <= grants.start_ms), 0)), 0) END`
