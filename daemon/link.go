package daemon

import (
	"crypto/rand"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// reconnectEvery bounds the back-off between two attempts to reach the broker: a broker that is back should not wait
// long for its only publisher.
const reconnectEvery = 2 * time.Second

// link is the gateway's own connection to the broker: it publishes, and remembers what is retained so that a broker that
// lost its memory gets it again. Orders come in by its inbox.
type link struct {
	client  mqtt.Client
	started bool // owned by reconcile: connect was called
	log     *slog.Logger

	inbox *inbox

	up atomic.Bool // the connection stands; for the edge-triggered log lines

	mu       sync.Mutex
	retained map[string][]byte // guarded by mu: topic → payload that the broker should hold
}

// newLink prepares the connection through the broker's internal socket; nothing is dialled before connect.
func newLink(socket, user, password string, nudge func(), log *slog.Logger) *link {
	l := &link{log: log, inbox: newInbox(socket, user, password, log), retained: map[string][]byte{}}
	o := toBroker(socket, user, password).
		SetClientID("gw-"+rand.Text()).
		SetWill(topicAvailability, "offline", 1, true).
		SetDefaultPublishHandler(l.receive)
	o.SetOnConnectHandler(func(mqtt.Client) {
		l.connected()
		nudge()
	})
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) {
		l.up.Store(false)
		log.Warn("broker lost", "error", err)
	})
	l.client = mqtt.NewClient(o)
	return l
}

// toBroker is what both connections of the gateway have in common. Each sets a random client id, because on Mosquitto
// anybody who knows one can take the connection over.
func toBroker(socket, user, password string) *mqtt.ClientOptions {
	return mqtt.NewClientOptions().
		AddBroker("unix://" + socket).
		SetUsername(user).SetPassword(password).
		SetCleanSession(true).
		SetKeepAlive(10 * time.Second).
		SetPingTimeout(3 * time.Second).
		SetWriteTimeout(2 * time.Second).
		SetConnectTimeout(3 * time.Second).
		SetConnectRetry(true).SetConnectRetryInterval(200 * time.Millisecond).
		SetAutoReconnect(true).SetMaxReconnectInterval(reconnectEvery).
		SetOrderMatters(true).
		SetStore(forgetful{})
}

// connect starts connecting and keeps at it until close.
func (l *link) connect() {
	l.inbox.client.Connect()
	l.client.Connect()
}

// connected is called by Paho after each connect and reconnect.
func (l *link) connected() {
	l.sweep()
	// Under the lock, so that a change made meanwhile cannot be overtaken by what it replaced.
	l.mu.Lock()
	defer l.mu.Unlock()
	for topic, payload := range l.retained {
		l.client.Publish(topic, 1, true, payload)
	}
	l.client.Publish(topicAvailability, 1, true, "online")
	l.up.Store(true)
	l.log.Info("broker connected", "retained", len(l.retained)+1)
}

func (l *link) isUp() bool { return l.up.Load() && l.client.IsConnectionOpen() }

// sweepTime is how long the gateway listens to its own retained topics after a connect; the broker sends what it holds at
// once.
const sweepTime = 2 * time.Second

// sweep clears what an earlier run of the gateway retained and this one does not: the broker outlives the gateway.
func (l *link) sweep() {
	held := map[string]byte{"sensor/#": 0, topicOffer: 0, prefixGrants + "+": 0}
	l.client.SubscribeMultiple(held, nil)
	time.AfterFunc(sweepTime, func() {
		if l.client.IsConnectionOpen() {
			l.client.Unsubscribe("sensor/#", topicOffer, prefixGrants+"+")
		}
	})
}

// swept clears a retained message of an earlier run. The lock keeps it from overtaking a newer message on the topic.
func (l *link) swept(topic string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, wanted := l.retained[topic]; !wanted {
		l.client.Publish(topic, 1, true, []byte{})
	}
}

// receive gets what is retained right after a connect. It must not block, Paho calls it between two packets.
func (l *link) receive(_ mqtt.Client, m mqtt.Message) {
	if len(m.Payload()) > 0 && m.Retained() {
		go l.swept(m.Topic())
	}
}

// reading publishes a reading that is not retained, at QoS 0: a late reading is worth nothing. The token is done when it
// was written to the broker.
func (l *link) reading(topic string, payload []byte) mqtt.Token {
	return l.client.Publish(topic, 0, false, payload)
}

// reply publishes an answer to one client.
func (l *link) reply(topic string, payload []byte) {
	l.client.Publish(topic, 1, false, payload)
}

// retain publishes a retained message and remembers it, if it says anything new; an empty payload clears the topic.
func (l *link) retain(topic string, payload []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old, held := l.retained[topic]
	if held == (len(payload) > 0) && string(old) == string(payload) {
		return
	}
	if len(payload) > 0 {
		l.retained[topic] = payload
	} else {
		delete(l.retained, topic)
	}
	if l.isUp() {
		l.client.Publish(topic, 1, true, payload)
	}
}

// retainOnly makes what is retained below prefix exactly wanted: the rest is cleared.
func (l *link) retainOnly(prefix string, wanted map[string][]byte) {
	l.mu.Lock()
	var gone []string
	for topic := range l.retained {
		if _, keep := wanted[topic]; !keep && strings.HasPrefix(topic, prefix) {
			gone = append(gone, topic)
		}
	}
	l.mu.Unlock()
	for _, topic := range gone {
		l.retain(topic, nil)
	}
	for topic, payload := range wanted {
		l.retain(topic, payload)
	}
}

// close says goodbye: the last will is for accidents only, a broker does not send it after a clean end.
func (l *link) close() {
	l.inbox.close()
	if l.client.IsConnectionOpen() {
		l.client.Publish(topicAvailability, 1, true, "offline").WaitTimeout(time.Second)
	}
	l.client.Disconnect(100)
}

// forgetful is a store for Paho that keeps nothing. What a lost connection left unacknowledged must not be sent again by
// Paho: connected publishes what is retained as it is now, and Paho would send an older payload after it.
type forgetful struct{}

func (forgetful) Open()                             {}
func (forgetful) Put(string, packets.ControlPacket) {}
func (forgetful) Get(string) packets.ControlPacket  { return nil }
func (forgetful) All() []string                     { return nil }
func (forgetful) Del(string)                        {}
func (forgetful) Close()                            {}
func (forgetful) Reset()                            {}
