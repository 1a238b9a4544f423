package billing

import (
	"errors"
	"fmt"
	"strings"
)

// SandboxNetwork is the name of the play-money network. What was bought with it ends when another network is chosen.
const SandboxNetwork = "sandbox"

// Network is where money arrives.
type Network struct {
	// Name of the network: sandbox, a Stardust or a Rebased one. Deposits are unique within it.
	Name string
	// Address that receives; the gateway has no key to it.
	Address string
	// Decimals of the coin, 0 to MaxDecimals: 6 in Stardust, 9 in Rebased.
	Decimals int
	// Reference is what ties payments to orders there; empty is ReferenceTag.
	Reference ReferenceKind
}

// Product is what a grant lets its holder read.
type Product struct {
	// ID names the product in offers and orders: [a-z0-9-]{1,32}.
	ID string
	// Topics that a grant includes, 1 to 64; none only while nothing is sold.
	Topics []string
	// RateHz is the number of messages a second on each topic.
	RateHz int64
	// MeterRefreshMS is how often the meter itself has a new value, in milliseconds; a WeMo Insight's is about 2000.
	MeterRefreshMS int64
}

// Endpoints are the addresses a buyer connects to; an empty one is not offered.
type Endpoints struct {
	MQTT  string `json:"mqtt,omitempty"`
	MQTTS string `json:"mqtts,omitempty"`
	HTTP  string `json:"http,omitempty"`
	HTTPS string `json:"https,omitempty"`
	// TLSSHA256 is the lower-case hex SHA-256 of the certificate (DER) that TLS endpoints show.
	TLSSHA256 string `json:"tls_sha256,omitempty"`
}

// Terms is everything the owner decides about selling.
type Terms struct {
	Network Network
	// Chain is what the ledger calls the chain it reads, at most 128 bytes; offers show it, so that nobody pays on another
	// one of the same kind. Empty: it has no name.
	Chain   string
	Product Product
	Price   Price
	// Fee is what the network itself takes for a payment, shown to buyers; it buys no time.
	Fee       Units
	Endpoints Endpoints
	// Text is the terms in words, at most 2,000 bytes.
	Text string
	// Selling false: the offer names no product and new orders are refused; what was sold stays valid.
	Selling bool
}

// Bounds of texts in terms, so that an offer stays below maxDocument.
const (
	maxText   = 2000
	maxTopics = 64
	maxTopic  = 128
	maxURL    = 256
)

// Validate reports all problems of the terms at once.
func (t Terms) Validate() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(plainName(t.Network.Name, 32), "the network's name %.40q must be [a-z0-9-]{1,32}", t.Network.Name)
	bad(printable(t.Network.Address, 1, maxAddress), "the address that receives must be 1 to %d printable characters", maxAddress)
	bad(t.Network.Decimals >= 0 && t.Network.Decimals <= MaxDecimals, "a coin has 0 to %d decimals", MaxDecimals)
	switch t.Network.kind() {
	case ReferenceTag, ReferenceAmount, ReferenceAddress:
	default:
		bad(false, "the kind of references %.40q must be tag, amount or address", t.Network.Reference)
	}
	bad(plainName(t.Product.ID, 32), "the product's id %.40q must be [a-z0-9-]{1,32}", t.Product.ID)
	bad((len(t.Product.Topics) >= 1 || !t.Selling) && len(t.Product.Topics) <= maxTopics, "a product has 1 to %d topics", maxTopics)
	for _, topic := range t.Product.Topics {
		bad(printable(topic, 1, maxTopic), "topic %.40q must be 1 to %d printable characters", topic, maxTopic)
	}
	bad(t.Product.RateHz >= 0 && t.Product.MeterRefreshMS >= 0, "rates must not be negative")
	bad(t.Chain == "" || printable(t.Chain, 1, maxTopic), "the chain %.40q must be at most %d printable characters", t.Chain, maxTopic)
	bad(t.Fee >= 0, "the fee must not be negative")
	bad(len(t.Text) <= maxText, "the text of the terms must not exceed %d bytes", maxText)
	for _, u := range []string{t.Endpoints.MQTT, t.Endpoints.MQTTS, t.Endpoints.HTTP, t.Endpoints.HTTPS, t.Endpoints.TLSSHA256} {
		bad(u == "" || printable(u, 1, maxURL), "endpoint %.40q must be at most %d printable characters", u, maxURL)
	}
	if err := t.Price.Validate(); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return fmt.Errorf("cannot sell on these terms: %w", errors.Join(errs...))
	}
	return nil
}

func plainName(s string, max int) bool {
	return s != "" && len(s) <= max && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// printable reports whether s has min to max bytes of printable ASCII.
func printable(s string, min, max int) bool {
	if len(s) < min || len(s) > max {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
