package devices

import (
	"context"
	"log/slog"
	"time"
)

// Fleet is all plugs.
type Fleet struct{}

// New prepares a fleet. It does no I/O.
func New(o Options) *Fleet { return &Fleet{} }

// Run finds and samples plugs until ctx ends.
func (f *Fleet) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Apply changes the configuration without losing plugs that stay.
func (f *Fleet) Apply(c Config) {}

// Plugs returns everything known, sorted by serial.
func (f *Fleet) Plugs() []Plug { return nil }

// Sample returns one entry per expected plug, sorted by UDN.
func (f *Fleet) Sample(now time.Time) []Sample { return nil }

// Average returns one entry per expected plug, sorted by UDN.
func (f *Fleet) Average(end time.Time, window time.Duration) []Average { return nil }

// Energy returns the total and the states to save.
func (f *Fleet) Energy() (total MilliwattHours, state map[string]EnergyState) { return 0, nil }

// Nudge searches now.
func (f *Fleet) Nudge() {}

// Scan looks once, without a running fleet.
func Scan(ctx context.Context, cfg Config, log *slog.Logger) ([]Plug, error) { return nil, nil }
