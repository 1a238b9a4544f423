package demo

import (
	"context"
	"log/slog"
	"time"

	"github.com/wattgate/wattgate/daemon/readings"
	"github.com/wattgate/wattgate/devices/devicestest"
)

// seedHistory gives a new demo the hour before its start, computed from the load curves its plugs will follow, one
// average a minute, each marked as simulated. A state directory that has averages keeps its own.
func (d *demo) seedHistory(ctx context.Context) error {
	store, err := readings.Open(ctx, d.dirs.Readings(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	now := time.Now().Truncate(time.Minute)
	if old, err := store.Averages(ctx, "", now.Add(-time.Hour)); err != nil || len(old) > 0 {
		return err
	}
	for end := now.Add(-59 * time.Minute); !end.After(now); end = end.Add(time.Minute) {
		watts := d.meanOfMinute(end)
		if err := store.AddAverage(ctx, readings.Average{End: end, PowerW: &watts, Coverage: 1, WindowS: 60, Simulated: true}); err != nil {
			return err
		}
	}
	return nil
}

// meanOfMinute is what all plugs together drew on average in the minute before end.
func (d *demo) meanOfMinute(end time.Time) float64 {
	var milliwatts float64
	for plug := range d.Plugs {
		for s := range 60 {
			milliwatts += float64(devicestest.Curve(int64(plug+1), end.Add(-time.Duration(s)*time.Second)))
		}
	}
	return float64(int64(milliwatts/60)) / 1000
}
