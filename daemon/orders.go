package daemon

import (
	"context"
	"time"

	"github.com/wattgate/wattgate/billing"
)

// ordersAtOnce orders are opened in each ordersEvery, 500 a second. To open one takes about 0.2 ms, whoever sealed it, so a
// flood costs a tenth of a processor.
const (
	ordersAtOnce = 50
	ordersEvery  = 100 * time.Millisecond
)

// takeOrders answers the orders that come by MQTT until ctx ends, one after the other and so many a second: that is the
// limit on what a flood of them can cost.
func (g *Gateway) takeOrders(ctx context.Context) {
	pace := time.NewTicker(ordersEvery)
	defer pace.Stop()
	for {
		for range ordersAtOnce {
			select {
			case <-ctx.Done():
				return
			case sealed := <-g.link.inbox.orders:
				g.takeOrder(ctx, sealed)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
	}
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
