package buyer

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/wattgate/wattgate/billing"
)

// The topics of the public contract a buyer needs.
const (
	topicOffer    = "wattgate/offer"
	topicOrders   = "wattgate/orders"
	prefixReplies = "wattgate/replies/"
	topicLive     = "sensor/live"
)

// connectTimeout bounds the first connect; offerTimeout the wait for the retained offer, which comes at once if there
// is one.
const (
	connectTimeout = 10 * time.Second
	offerTimeout   = 5 * time.Second
)

// maxReply bounds what is taken as an answer, in bytes.
const maxReply = 32 << 10

// session is an anonymous connection to a gateway's broker, for ordering.
type session struct {
	client   mqtt.Client
	clientID string
	pin      *peerPin
	offers   chan []byte // the newest offer
	replies  chan []byte // answers to our orders
}

// newClientID makes an id nobody can guess: on Mosquitto, whoever knows a client's id can take its connection over.
func newClientID() string { return "buyer-" + rand.Text() }

// connect connects as clientID and asks for the offer and the answers to orders.
func connect(ctx context.Context, t Target, clientID string) (*session, error) {
	s := &session{clientID: clientID, pin: &peerPin{}, offers: make(chan []byte, 1), replies: make(chan []byte, 16)}
	o := clientOptions(t, s.pin).
		SetClientID(clientID).
		SetAutoReconnect(true).SetMaxReconnectInterval(5 * time.Second).
		SetDefaultPublishHandler(s.receive).
		SetOnConnectHandler(func(c mqtt.Client) {
			c.SubscribeMultiple(map[string]byte{topicOffer: 1, prefixReplies + clientID: 1}, nil)
		})
	s.client = mqtt.NewClient(o)
	if err := wait(ctx, s.client.Connect(), connectTimeout); err != nil {
		s.client.Disconnect(0)
		return nil, fmt.Errorf("cannot reach the gateway at %s: %w", t.Broker, err)
	}
	return s, nil
}

func clientOptions(t Target, pin *peerPin) *mqtt.ClientOptions {
	return mqtt.NewClientOptions().
		AddBroker(t.Broker).
		SetTLSConfig(pin.config()).
		SetCleanSession(true).
		SetKeepAlive(30 * time.Second).
		SetConnectTimeout(connectTimeout).
		SetWriteTimeout(connectTimeout)
}

// wait waits for a token, at most as long as it may take.
func wait(ctx context.Context, token mqtt.Token, most time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	select {
	case <-token.Done():
		return token.Error()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *session) receive(_ mqtt.Client, m mqtt.Message) {
	if len(m.Payload()) == 0 || len(m.Payload()) > maxReply {
		return
	}
	into := s.replies
	if m.Topic() == topicOffer {
		into = s.offers
		select { // only the newest offer counts
		case <-into:
		default:
		}
	}
	select {
	case into <- m.Payload():
	default: // answers come again when the order is sent again
	}
}

func (s *session) close() { s.client.Disconnect(100) }

// offer waits for the gateway's offer and verifies it against fingerprint; an empty one accepts whoever signed it.
func (s *session) offer(ctx context.Context, fingerprint string) (billing.Offer, []byte, error) {
	select {
	case <-ctx.Done():
		return billing.Offer{}, nil, ctx.Err()
	case <-time.After(offerTimeout):
		return billing.Offer{}, nil, &StoppedError{"the gateway offers nothing: it is private, or not selling at the moment"}
	case raw := <-s.offers:
		if fingerprint == "" {
			fingerprint = Signer(raw)
		}
		o, err := billing.VerifyOffer(raw, fingerprint)
		if err == nil {
			err = s.pin.trust(o.Endpoints.TLSSHA256)
		}
		return o, raw, err
	}
}

// Signer is the fingerprint of the key an offer claims to be signed with; VerifyOffer then checks that it was.
func Signer(raw []byte) string {
	var claimed struct {
		Gateway string `json:"gateway"`
	}
	if json.Unmarshal(raw, &claimed) != nil {
		return ""
	}
	key, err := base64.RawURLEncoding.DecodeString(claimed.Gateway)
	if err != nil {
		return ""
	}
	return billing.Fingerprint(key)
}

// order sends a sealed order; the same bytes may be sent any number of times.
func (s *session) order(ctx context.Context, sealed []byte) error {
	if err := wait(ctx, s.client.Publish(topicOrders, 1, false, sealed), connectTimeout); err != nil {
		return fmt.Errorf("cannot send the order: %w", err)
	}
	return nil
}

// StoppedError says that nothing can be bought, or that what was bought is over; the exit code for it is 5.
type StoppedError struct{ Why string }

// Error implements error.
func (e *StoppedError) Error() string { return e.Why }
