package readings

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/wattgate/wattgate/billing/sqlitefile"
)

// Bounds of the energy counters: many times the plugs a gateway samples, and the bytes of a state.
const (
	maxCounters = 4096
	maxState    = 4096
)

// Energy gives back what SaveEnergy kept, by the sampler's key.
func (s *Store) Energy(ctx context.Context) (map[string]json.RawMessage, error) {
	kept, err := s.pairs(ctx, `SELECT serial, state FROM energy`)
	if err != nil {
		return nil, fmt.Errorf("cannot read the energy counters: %w", sqlitefile.Classify(err))
	}
	states := make(map[string]json.RawMessage, len(kept))
	for key, state := range kept {
		states[key] = json.RawMessage(state)
	}
	return states, nil
}

// SaveEnergy keeps the given counters, all or none of them. Counters that are not given stay as they are: the sum of
// a house must not fall because a plug is away.
func (s *Store) SaveEnergy(ctx context.Context, states map[string]json.RawMessage) error {
	if err := s.inTx(ctx, func(tx *sql.Tx) error { return saveEnergy(ctx, tx, states) }); err != nil {
		return fmt.Errorf("cannot keep the energy counters: %w", sqlitefile.Classify(err))
	}
	return nil
}

func saveEnergy(ctx context.Context, tx *sql.Tx, states map[string]json.RawMessage) error {
	put, err := tx.PrepareContext(ctx, `INSERT INTO energy (serial, state) VALUES (?, ?)
		ON CONFLICT DO UPDATE SET state = excluded.state WHERE state <> excluded.state`)
	if err != nil {
		return err
	}
	defer put.Close()
	for _, key := range slices.Sorted(maps.Keys(states)) {
		state := states[key]
		if len(state) > maxState || !json.Valid(state) {
			return fmt.Errorf("the state of %q is not JSON of at most %d bytes", key, maxState)
		}
		if _, err := put.ExecContext(ctx, key, string(state)); err != nil {
			return err
		}
	}
	var count int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM energy`).Scan(&count); err != nil {
		return err
	}
	if count > maxCounters {
		return fmt.Errorf("more than %d plugs were seen; set plugs.allow to those that are yours", maxCounters)
	}
	return nil
}
