package readings

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/wattgate/wattgate/billing/sqlitefile"
)

// Keep is how long averages are kept, counted back from the newest one added.
const Keep = 24 * time.Hour

// maxRows bounds one answer: Keep at the demo's fastest rate of one average a second.
const maxRows = 86_400

// Average is the mean of one window.
type Average struct {
	Plug      string    // public id, "" = the sum of the plugs
	End       time.Time // end of the window; kept to the millisecond
	PowerW    *float64  // watts, nil = unknown
	EnergyWh  *float64  // counter at End in watt-hours, nil = unknown
	Coverage  float64   // the part of the window that is known, 0 to 1
	WindowS   int       // length in seconds, at least 1
	Simulated bool      // made up for a demo, not measured
}

// AddAverage keeps a and forgets averages that lie more than Keep from it. The same plug and end again replaces the
// earlier one.
func (s *Store) AddAverage(ctx context.Context, a Average) error {
	if err := a.check(); err != nil {
		return fmt.Errorf("cannot keep an average: %w", err)
	}
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO averages (plug, end_ms, power_w, energy_wh, coverage, window_s, simulated)
			VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET power_w = excluded.power_w, energy_wh = excluded.energy_wh, coverage = excluded.coverage,
				window_s = excluded.window_s, simulated = excluded.simulated`,
			a.Plug, a.End.UnixMilli(), a.PowerW, a.EnergyWh, a.Coverage, a.WindowS, a.Simulated); err != nil {
			return err
		}
		// Those far ahead are from a clock that was wrong; they would otherwise stay until it is that late.
		_, err := tx.ExecContext(ctx, `DELETE FROM averages WHERE end_ms < ? OR end_ms > ?`,
			a.End.Add(-Keep).UnixMilli(), a.End.Add(Keep).UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot keep an average: %w", sqlitefile.Classify(err))
	}
	return nil
}

func (a Average) check() error {
	for _, v := range []*float64{a.PowerW, a.EnergyWh} {
		if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
			return fmt.Errorf("%v is no reading; unknown is nil", *v)
		}
	}
	if !(a.Coverage >= 0 && a.Coverage <= 1) { // also refuses NaN
		return fmt.Errorf("its coverage %v is not within 0 and 1", a.Coverage)
	}
	if a.WindowS < 1 {
		return fmt.Errorf("its window of %d s is not positive", a.WindowS)
	}
	return nil
}

// Averages lists what is kept of a plug ("" = the sum) that ended after since, oldest first.
func (s *Store) Averages(ctx context.Context, plug string, since time.Time) ([]Average, error) {
	list, err := s.averages(ctx, plug, since)
	if err != nil {
		return nil, fmt.Errorf("cannot read the averages: %w", sqlitefile.Classify(err))
	}
	return list, nil
}

func (s *Store) averages(ctx context.Context, plug string, since time.Time) ([]Average, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT end_ms, power_w, energy_wh, coverage, window_s, simulated FROM averages
		WHERE plug = ? AND end_ms > ? ORDER BY end_ms DESC LIMIT ?`, plug, since.UnixMilli(), maxRows)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Average
	for rows.Next() {
		a := Average{Plug: plug}
		var end int64
		if err := rows.Scan(&end, &a.PowerW, &a.EnergyWh, &a.Coverage, &a.WindowS, &a.Simulated); err != nil {
			return nil, err
		}
		a.End = time.UnixMilli(end).UTC()
		list = append(list, a)
	}
	slices.Reverse(list) // the bound drops the oldest
	return list, rows.Err()
}

// ClearAverages forgets all averages, of the sum and of each plug: the owner no longer wants them seen.
func (s *Store) ClearAverages(ctx context.Context) error {
	if _, err := s.db.ExecContext(ctx, `DELETE FROM averages`); err != nil {
		return fmt.Errorf("cannot clear the averages: %w", sqlitefile.Classify(err))
	}
	return nil
}
