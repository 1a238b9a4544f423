package daemon

import (
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// orderQueue is how many orders may wait for the one goroutine that opens them. More wait at the broker, which keeps 64
// and drops the rest; the buyer's client sends its order again.
const orderQueue = 64

// maxSealed is the size of the largest order, in bytes.
const maxSealed = 2 << 10

// clearAfter is how long a retained order may stay at the broker. Clearing after each one would let a flood of orders
// make the gateway write as much as it reads.
const clearAfter = 250 * time.Millisecond

// inbox takes orders in over a connection of its own: anybody may fill it, and what is published must not wait behind.
// When the queue is full it stops reading, so that a flood is dropped by the broker and costs the gateway nothing.
type inbox struct {
	client mqtt.Client
	orders chan []byte   // sealed orders as they arrive
	closed chan struct{} // ends the wait of receive
	once   sync.Once
	up     atomic.Bool // the broker has acknowledged the subscription

	mu       sync.Mutex
	clearing bool // guarded by mu: a clearing of the topic is due
}

func newInbox(socket, user, password string, log *slog.Logger) *inbox {
	b := &inbox{orders: make(chan []byte, orderQueue), closed: make(chan struct{})}
	o := toBroker(socket, user, password).
		SetClientID("in-" + rand.Text()).
		SetDefaultPublishHandler(b.receive)
	o.SetOnConnectHandler(func(c mqtt.Client) {
		if s := c.Subscribe(topicOrders, 1, nil); s.WaitTimeout(subscribeTimeout) && s.Error() == nil {
			b.up.Store(true)
			return
		}
		log.Warn("orders by MQTT cannot be taken: the broker does not answer")
	})
	o.SetConnectionLostHandler(func(mqtt.Client, error) { b.up.Store(false) }) // the link has said that the broker is lost
	b.client = mqtt.NewClient(o)
	return b
}

// subscribeTimeout bounds the wait for the broker's answer to a subscription.
const subscribeTimeout = 5 * time.Second

// receive gets what the broker delivers, and waits while the queue is full.
func (b *inbox) receive(_ mqtt.Client, m mqtt.Message) {
	if m.Topic() != topicOrders || len(m.Payload()) == 0 {
		return
	}
	// A buyer may have set the retain flag, and the broker does not tell us.
	b.clearSoon()
	if len(m.Payload()) > maxSealed {
		return
	}
	select {
	case b.orders <- m.Payload():
	case <-b.closed:
	}
}

// clearSoon takes back whatever is retained on the topic of orders.
func (b *inbox) clearSoon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.clearing {
		return
	}
	b.clearing = true
	time.AfterFunc(clearAfter, func() {
		b.mu.Lock()
		b.clearing = false
		b.mu.Unlock()
		if b.client.IsConnectionOpen() {
			b.client.Publish(topicOrders, 0, true, []byte{})
		}
	})
}

func (b *inbox) close() {
	b.once.Do(func() { close(b.closed) })
	b.client.Disconnect(100)
}
