package daemon

import (
	"context"
	"time"

	"github.com/wattgate/wattgate/billing"
)

// ordersAtOnce orders are opened in each ordersEvery, 300 a second. To open one takes about 0.2 ms, whoever sealed it, so a
// flood costs a small part of a processor.
const (
	ordersAtOnce = 30
	ordersEvery  = 100 * time.Millisecond
)

// takeOrders answers the orders that come by MQTT until ctx ends, one after the other and so many a second: that is the
// limit on what a flood of them can cost the gateway.
func (g *Gateway) takeOrders(ctx context.Context) {
	pace := time.NewTicker(ordersEvery)
	defer pace.Stop()
	var taken int
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-pace.C:
			if g.flood.judge(now, taken == ordersAtOnce) {
				g.log.Warn("orders by MQTT are flooded, their topic is closed", "until", g.flood.until().UTC().Format(time.RFC3339))
				g.state.report("orders", problem{"orders", "orders by MQTT are flooded and not taken for the time being; those by HTTP are"})
				g.Nudge()
			} else if !g.flood.now(now) && g.state.clear("orders") {
				g.log.Info("orders by MQTT are taken again")
				g.Nudge()
			}
			taken = 0
		case sealed := <-g.waiting(taken):
			g.takeOrder(ctx, sealed)
			taken++
		}
	}
}

// waiting is where the next order comes from; nowhere once enough were taken.
func (g *Gateway) waiting(taken int) <-chan []byte {
	if taken == ordersAtOnce {
		return nil
	}
	return g.link.inbox.orders
}

func (g *Gateway) takeOrder(ctx context.Context, sealed []byte) {
	reply, err := g.placeOrder(ctx, sealed, billing.Origin{Transport: billing.ByMQTT})
	if err == nil {
		clientID, err := g.shop.ReplyTo(ctx, billing.OrderHash(sealed))
		if err != nil {
			g.log.Error("cannot answer an order", "error", err)
			return
		}
		g.answer(clientID, reply)
		return
	}
	refusal, ok := refusalOf(err)
	if !ok {
		g.log.Error("order failed", "error", err)
		return
	}
	// Not a line for each: anybody can send nonsense, as fast as he likes.
	g.log.Debug("order refused", "code", string(refusal.Code))
	g.answer(refusal.ReplyTo, encode(refusal))
}

// placeOrder is the one handler of orders, whatever they came by.
func (g *Gateway) placeOrder(ctx context.Context, sealed []byte, origin billing.Origin) ([]byte, error) {
	reply, err := g.shop.PlaceOrder(ctx, sealed, origin, g.now())
	if err != nil {
		g.metrics.orders.WithLabelValues("refused").Inc()
	} else {
		g.metrics.orders.WithLabelValues("taken").Inc()
	}
	return reply, err
}

// answer sends a document to the client that an order named; an order that named none asks over HTTP.
func (g *Gateway) answer(clientID string, document []byte) {
	if topic, ok := replyTopic(clientID); ok && g.link.isUp() {
		g.link.reply(topic, document)
	}
}
