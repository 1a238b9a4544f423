package daemon

import (
	"strings"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/daemon/config"
)

// The topics of the public contract that do not belong to one plug.
const (
	topicLive         = "sensor/live"
	topicMinute       = "sensor/1m"
	topicAvailability = "wattgate/availability"
	topicStatus       = "wattgate/status"
	topicOffer        = "wattgate/offer"
	topicOrders       = "wattgate/orders"
	prefixReplies     = "wattgate/replies/"
	prefixGrants      = "wattgate/grants/"
	prefixPlug        = "sensor/plug/"

	bareSuffix = "/w" // the bare number of watts, beside each reading
)

func plugTopic(id, kind string) string { return prefixPlug + id + "/" + kind }

// audience is what decides who may see what; the pure input of policyFor.
type audience struct {
	level   config.Level
	selling bool     // offers are published and orders taken
	flooded bool     // orders are not taken by MQTT for the time being
	perPlug bool     // single plugs are for outsiders too
	plugs   []string // ids of the expected plugs
}

// freeReadings are the topics with readings that anyone may read.
func (a audience) freeReadings() []string {
	if a.level == config.Private {
		return nil
	}
	return a.readings(topicMinute, "1m")
}

// paidReadings are the topics a grant opens.
func (a audience) paidReadings() []string { return a.readings(topicLive, "live") }

func (a audience) readings(sum, kind string) []string {
	topics := []string{sum, sum + bareSuffix}
	if a.perPlug {
		for _, id := range a.plugs {
			topics = append(topics, plugTopic(id, kind), plugTopic(id, kind)+bareSuffix)
		}
	}
	return topics
}

// policyFor says who may see what. At level private only the owner's own users are let in: a buyer is an outsider, and
// the level is the owner's consent. At level average nothing more is sold, but who has paid keeps what he paid for.
func policyFor(a audience, accounts []billing.Account) acl.Policy {
	p := acl.Policy{
		Free:    append([]string{topicAvailability, topicStatus, topicOffer}, a.freeReadings()...),
		Paid:    a.paidReadings(),
		PerUser: []string{prefixGrants},
		Roots:   []string{"sensor/#", "wattgate/#"},
	}
	if a.selling && !a.flooded {
		p.Orders = []string{topicOrders}
	}
	if a.selling {
		p.PerClient = []string{prefixReplies}
	}
	for _, acc := range accounts {
		if a.level == config.Private && !acc.Owner {
			continue
		}
		p.Grants = append(p.Grants, accountOf(acc))
	}
	return p
}

func accountOf(b billing.Account) acl.Account {
	a := acl.Account{Name: b.Username, Entry: acl.Entry(b.Credential)}
	if b.Owner {
		a.Reads = []string{"sensor/#"}
	}
	return a
}

// replyTopic is where an order's answers go; ok is false for a client id that must not become part of a topic.
func replyTopic(clientID string) (topic string, ok bool) {
	if len(clientID) < 22 || len(clientID) > 64 {
		return "", false
	}
	for _, r := range clientID {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", r) {
			return "", false
		}
	}
	return prefixReplies + clientID, true
}
