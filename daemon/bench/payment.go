//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/daemon/buyer"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// purchases is how many buyers buy, one after the other.
const purchases = 30

// timedWallet pays with play money and notes when the ledger had the payment.
type timedWallet struct {
	buyer.Wallet
	paid time.Time
}

// Pay implements buyer.Wallet.
func (w *timedWallet) Pay(ctx context.Context, o billing.Offer, v billing.Invoice, amount billing.Units) error {
	err := w.Wallet.Pay(ctx, o, v, amount)
	w.paid = time.Now()
	return err
}

// benchPayment measures from the moment the sandbox ledger holds a payment to the first live message its new user
// receives. The baseline is what a user who has access already waits for his first message after the same connect.
func benchPayment(ctx context.Context, p wattgatetest.Program, state string) error {
	d, err := wattgatetest.StartDemo(ctx, p, state)
	if err != nil {
		return err
	}
	defer func() { _ = d.Stop() }()
	if err := os.Setenv("XDG_STATE_HOME", filepath.Join(state, "buyer")); err != nil {
		return err
	}
	target, err := buyer.ParseTarget(d.MQTT)
	if err != nil {
		return err
	}
	var total, proof, base []time.Duration
	for i := range purchases {
		play, err := buyer.NewWallet("sandbox", "", target)
		if err != nil {
			return err
		}
		// Anywhere between two slots, as buyers come.
		time.Sleep(rand.N(500 * time.Millisecond))
		w := &timedWallet{Wallet: play}
		access, err := buyer.Buy(ctx, buyer.Options{Target: target, Wallet: w, Username: "bench-" + strconv.Itoa(i), Say: nothing{}})
		if err != nil {
			return err
		}
		proof = append(proof, time.Since(w.paid))
		who := wattgatetest.Login{Name: access.Username, Password: access.Password}
		first, err := firstMessage(ctx, d.MQTT, who, w.paid)
		if err != nil {
			return err
		}
		total = append(total, first)
		again, err := firstMessage(ctx, d.MQTT, who, time.Now())
		if err != nil {
			return err
		}
		base = append(base, again)
	}
	quantiles("payment on the ledger to access proven and told", proof)
	quantiles("payment on the ledger to first live message", total)
	quantiles("baseline: connect to first live message", base)
	fmt.Println("  (of both a wait for the next slot of 500 ms is part: 250 ms on average; the target is 1 s p99)")
	return nil
}

// nothing takes what the buyer's tool says.
type nothing struct{}

// Write implements io.Writer.
func (nothing) Write(p []byte) (int, error) { return len(p), nil }

func firstMessage(ctx context.Context, broker string, who wattgatetest.Login, since time.Time) (time.Duration, error) {
	c, err := wattgatetest.Connect(broker, who, "sensor/live")
	if err != nil {
		return 0, err
	}
	defer c.Close()
	got, err := c.Await(ctx, 10*time.Second, 1, "sensor/live")
	if err != nil {
		return 0, err
	}
	var l live
	if err := json.Unmarshal([]byte(got[0].Payload), &l); err != nil {
		return 0, err
	}
	return got[0].At.Sub(since), nil
}
