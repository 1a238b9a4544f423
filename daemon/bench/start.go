//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// starts is how often a start is measured.
const starts = 5

// live is what the benchmarks read of sensor/live.
type live struct {
	TS     time.Time `json:"ts"`
	Seq    uint64    `json:"seq"`
	PowerW *float64  `json:"power_w"`
}

// benchStart measures from the start of the demo's processes to the first live message with a reading in it, as the owner's
// user sees it. The baseline is a bare Mosquitto from its start to its first message.
func benchStart(ctx context.Context, p wattgatetest.Program, state string) error {
	who, err := ownersUser(ctx, p, state)
	if err != nil {
		return err
	}
	var full, bare []time.Duration
	for range starts {
		began := time.Now()
		d, err := wattgatetest.LaunchDemo(p, state)
		if err != nil {
			return err
		}
		if err := d.AwaitReady(ctx); err != nil {
			return err
		}
		took, err := firstReading(ctx, d.MQTT, who, began)
		if stopErr := d.Stop(); err == nil {
			err = stopErr
		}
		if err != nil {
			return err
		}
		full = append(full, took)
		took, err = bareStart(ctx)
		if err != nil {
			return err
		}
		bare = append(bare, took)
	}
	quantiles("demo, 3 plugs: start to first reading", full)
	quantiles("baseline: bare Mosquitto, start to first message", bare)
	return nil
}

// ownersUser makes a user who may read everything in a state directory.
func ownersUser(ctx context.Context, p wattgatetest.Program, state string) (wattgatetest.Login, error) {
	d, err := wattgatetest.StartDemo(ctx, p, state)
	if err != nil {
		return wattgatetest.Login{}, err
	}
	defer func() { _ = d.Stop() }()
	return addUser(ctx, d, "bench")
}

func addUser(ctx context.Context, d *wattgatetest.Demo, name string) (wattgatetest.Login, error) {
	var grant struct {
		Password string `json:"password"`
	}
	if err := d.Read(ctx, &grant, "grants", "add", name, "--forever"); err != nil {
		return wattgatetest.Login{}, err
	}
	return wattgatetest.Login{Name: name, Password: grant.Password}, nil
}

// firstReading waits for a live message that holds a reading.
func firstReading(ctx context.Context, broker string, who wattgatetest.Login, began time.Time) (time.Duration, error) {
	c, err := wattgatetest.Connect(broker, who, "sensor/live")
	if err != nil {
		return 0, err
	}
	defer c.Close()
	var at time.Time
	err = wattgatetest.Eventually(ctx, 20*time.Second, func() error {
		for _, m := range c.Messages("sensor/live") {
			var l live
			if json.Unmarshal([]byte(m.Payload), &l) == nil && l.PowerW != nil {
				at = m.At
				return nil
			}
		}
		return fmt.Errorf("no reading has come")
	})
	return at.Sub(began), err
}

func bareStart(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	b, err := startBare(ctx)
	if err != nil {
		return 0, err
	}
	defer b.stop()
	sub, err := wattgatetest.Connect(b.url, wattgatetest.Login{}, "bench")
	if err != nil {
		return 0, err
	}
	defer sub.Close()
	if err := wattgatetest.Publish(ctx, b.url, wattgatetest.Login{}, "bench", "x", false); err != nil {
		return 0, err
	}
	got, err := sub.Await(ctx, 10*time.Second, 1, "bench")
	if err != nil {
		return 0, err
	}
	return got[0].At.Sub(began), nil
}
