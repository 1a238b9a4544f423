//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// latencySlots is how many slots are measured: a minute and a half.
const latencySlots = 180

// benchLatency measures from the slot of the grid to the message's arrival at a subscriber. The baseline publishes a message
// of the same size at the same rate, half a slot apart, through a bare Mosquitto with the same client library, in the
// same minute.
func benchLatency(ctx context.Context, p wattgatetest.Program, state string) error {
	d, err := wattgatetest.StartDemo(ctx, p, state, "--plugs", "10")
	if err != nil {
		return err
	}
	defer func() { _ = d.Stop() }()
	who, err := addUser(ctx, d, "bench")
	if err != nil {
		return err
	}
	bare, err := startBare(ctx)
	if err != nil {
		return err
	}
	defer bare.stop()
	paid, err := wattgatetest.Connect(d.MQTT, who, "sensor/live")
	if err != nil {
		return err
	}
	defer paid.Close()
	raw, err := wattgatetest.Connect(bare.url, wattgatetest.Login{}, "bench")
	if err != nil {
		return err
	}
	defer raw.Close()
	if err := publishBare(ctx, bare.url); err != nil {
		return err
	}
	var ours, theirs []time.Duration
	for _, m := range paid.Messages("sensor/live") {
		var l live
		if err := json.Unmarshal([]byte(m.Payload), &l); err != nil {
			return err
		}
		ours = append(ours, m.At.Sub(l.TS))
	}
	for _, m := range raw.Messages("bench") {
		sent, _, _ := strings.Cut(m.Payload, " ")
		ns, err := strconv.ParseInt(sent, 10, 64)
		if err != nil {
			return err
		}
		theirs = append(theirs, m.At.Sub(time.Unix(0, ns)))
	}
	_, got := quantiles("grid slot to subscriber, 10 plugs", ours)
	_, base := quantiles("baseline: bare publish to subscriber", theirs)
	fmt.Printf("  p99 is %.1f × the baseline's; the target is at most 2 × %.3f ms + 2 ms = %.3f ms\n",
		float64(got)/float64(base), ms(base), 2*ms(base)+2)
	return nil
}

// publishBare publishes latencySlots messages of a live message's size, in the middle between two slots.
func publishBare(ctx context.Context, broker string) error {
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(broker).SetClientID("bench-publisher"))
	if t := c.Connect(); t.Wait() && t.Error() != nil {
		return t.Error()
	}
	defer c.Disconnect(100)
	const slot = 500 * time.Millisecond
	for range latencySlots {
		at := time.Now().Truncate(slot).Add(slot + slot/2)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(at)):
		}
		now := strconv.FormatInt(time.Now().UnixNano(), 10)
		c.Publish("bench", 0, false, now+" "+strings.Repeat("x", 120-len(now)))
	}
	return nil
}
