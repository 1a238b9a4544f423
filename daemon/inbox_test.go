package daemon

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/wattgate/wattgate/acl/acltest"
)

// order is a message as Paho delivers it.
type order struct {
	mqtt.Message
	topic   string
	payload []byte
}

func (order) Retained() bool { return false }

func (o order) Topic() string   { return o.topic }
func (o order) Payload() []byte { return o.payload }

func unconnectedInbox(t *testing.T) *inbox {
	return newInbox(filepath.Join(t.TempDir(), "no.sock"), "u", "p", slog.New(slog.DiscardHandler))
}

func TestOnlyOrdersOfTheRightSizeAreTaken(t *testing.T) {
	b := unconnectedInbox(t)
	for _, tt := range []struct {
		order
		taken int
	}{
		{order{topic: topicOrders, payload: make([]byte, maxSealed)}, 1},
		{order{topic: topicOrders, payload: make([]byte, maxSealed+1)}, 0},
		{order{topic: topicOrders}, 0}, // our own clearing of the topic
		{order{topic: "wattgate/orders/x", payload: []byte("x")}, 0},
		{order{topic: topicOrders, payload: []byte{1}}, 1},
	} {
		b.receive(nil, tt.order)
		taken := len(b.orders)
		for range taken {
			<-b.orders
		}
		if taken != tt.taken {
			t.Errorf("%d bytes on %s: %d taken", len(tt.payload), tt.topic, taken)
		}
	}
}

// What does not fit waits at the broker, which drops it: reading on would cost the gateway what the flood costs.
func TestFloodOfOrdersIsNotRead(t *testing.T) {
	b := unconnectedInbox(t)
	synctest.Test(t, func(t *testing.T) {
		b.orders, b.closed = make(chan []byte, orderQueue), make(chan struct{})
		read, ended := 0, false
		go func() {
			for range orderQueue + 50 {
				b.receive(nil, order{topic: topicOrders, payload: []byte{1}})
				read++
			}
			ended = true
		}()
		synctest.Wait()
		if read != orderQueue || ended {
			t.Errorf("%d orders were read although nobody takes them, %d fit", read, orderQueue)
		}
		<-b.orders
		synctest.Wait()
		if read != orderQueue+1 {
			t.Errorf("%d orders were read after one was taken", read)
		}
		close(b.closed) // a gateway that stops does not wait for anybody
		synctest.Wait()
		if !ended {
			t.Error("receive waits for a gateway that has stopped")
		}
		time.Sleep(2 * clearAfter) // the clearing that is due ends within the bubble
	})
}

func TestOrdersArriveAndLeaveNothing(t *testing.T) {
	p := newPlant(t)
	l, _ := p.link(t, p.socket())
	buyer := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + p.TCP).SetClientID("a-buyer"))
	if c := buyer.Connect(); !c.WaitTimeout(5*time.Second) || c.Error() != nil {
		t.Fatal(c.Error())
	}
	defer buyer.Disconnect(0)
	for n := range 3 {
		sent := fmt.Sprintf("sealed %d", n)
		if s := buyer.Publish(topicOrders, 1, true, sent); !s.WaitTimeout(5*time.Second) || s.Error() != nil {
			t.Fatal(s.Error())
		}
		select {
		case got := <-l.inbox.orders:
			if string(got) != sent {
				t.Errorf("%q, want %q", got, sent)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("the order did not arrive")
		}
	}
	l.retain(topicStatus, []byte("behind"))
	// Who may read orders at all is the gateway: its next connection must find none waiting.
	again := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + p.TCP).SetClientID("gw-2").SetUsername(p.user).SetPassword(p.password))
	if c := again.Connect(); !c.WaitTimeout(5*time.Second) || c.Error() != nil {
		t.Fatal(c.Error())
	}
	defer again.Disconnect(0)
	found := make(chan string, 8)
	note := func(_ mqtt.Client, m mqtt.Message) { found <- m.Topic() }
	acltest.Eventually(t, "the clearing of the orders", 5*time.Second, func() bool {
		for _, topic := range []string{topicOrders, topicStatus} {
			if s := again.Subscribe(topic, 1, note); !s.WaitTimeout(5*time.Second) || s.Error() != nil {
				t.Fatal(s.Error())
			}
		}
		// In the order of the subscriptions: a status that comes first says that no order is there.
		first := <-found
		for first != topicStatus && <-found != topicStatus {
		}
		return first == topicStatus
	})
}
