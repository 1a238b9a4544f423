package daemon

import (
	"slices"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/daemon/config"
)

// rules are what Mosquitto makes of a policy.
func rules(t *testing.T, p acl.Policy) acl.Rules {
	t.Helper()
	account := func(name string) acl.Account {
		entry, err := acl.NewEntry(acl.NewPassword(), acl.GeneratedIterations)
		if err != nil {
			t.Fatal(err)
		}
		return acl.Account{Name: name, Entry: entry}
	}
	p.Publisher = account("the-gateway")
	probe := account("the-probe")
	files, err := acl.Render(p, probe)
	if err != nil {
		t.Fatal(err)
	}
	if err := acl.Verify(p, probe, files); err != nil {
		t.Fatal(err)
	}
	r, err := acl.ParseACL(files.ACL)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// account is a buyer's or an owner's user, with a credential that can be rendered.
func account(t *testing.T, name string, owner bool) billing.Account {
	t.Helper()
	entry, err := acl.NewEntry(acl.NewPassword(), acl.GeneratedIterations)
	if err != nil {
		t.Fatal(err)
	}
	return billing.Account{Username: name, Owner: owner, Credential: billing.Credential(entry), State: billing.GrantActive}
}

// policies are the policies of every level, with and without single plugs and something to sell.
func policies(t *testing.T) map[audienceName]acl.Policy {
	accounts := []billing.Account{account(t, "buyer", false), account(t, "jane", true)}
	out := map[audienceName]acl.Policy{}
	for _, level := range []config.Level{config.Private, config.Average, config.Live} {
		for _, perPlug := range []bool{false, true} {
			for _, selling := range []bool{false, true} {
				a := audience{level: level, perPlug: perPlug, selling: selling, plugs: []string{"fridge", "p-abc123"}}
				out[audienceName{level, perPlug, selling}] = policyFor(a, accounts)
			}
		}
	}
	return out
}

type audienceName struct {
	level            config.Level
	perPlug, selling bool
}

var (
	liveTopics     = []string{"sensor/live", "sensor/live/w"}
	minuteTopics   = []string{"sensor/1m", "sensor/1m/w"}
	plugLives      = []string{"sensor/plug/fridge/live", "sensor/plug/fridge/live/w", "sensor/plug/p-abc123/live"}
	plugMinutes    = []string{"sensor/plug/fridge/1m", "sensor/plug/fridge/1m/w", "sensor/plug/p-abc123/1m"}
	strangersPlugs = []string{"sensor/plug/unlisted/live", "sensor/plug/unlisted/1m", "sensor/other"}
)

func TestNoStrangerReadsALiveTopicAtAnyLevel(t *testing.T) {
	for name, p := range policies(t) {
		r := rules(t, p)
		for _, topic := range slices.Concat(liveTopics, plugLives, strangersPlugs) {
			if r.MayRead("", "anybody", topic) {
				t.Errorf("%+v: a stranger may read %s", name, topic)
			}
		}
		for _, topic := range slices.Concat(liveTopics, minuteTopics, plugLives, plugMinutes, strangersPlugs,
			[]string{topicStatus, topicAvailability, topicOffer, prefixReplies + "anybody", prefixGrants + "buyer", acl.CanaryPaid, acl.CanaryFree}) {
			for _, user := range []string{"", "buyer", "jane"} {
				if r.MayWrite(user, "anybody", topic) {
					t.Errorf("%+v: %q may write %s", name, user, topic)
				}
			}
		}
	}
}

func TestWhoMayReadWhat(t *testing.T) {
	for name, p := range policies(t) {
		r := rules(t, p)
		free, paid := name.level != config.Private, name.level != config.Private
		for _, tt := range []struct {
			user   string
			topics []string
			want   bool
		}{
			{"", minuteTopics, free},
			{"", plugMinutes, free && name.perPlug},
			{"buyer", minuteTopics, free},
			{"buyer", liveTopics, paid},
			{"buyer", plugLives, paid && name.perPlug},
			{"buyer", plugMinutes, free && name.perPlug},
			{"buyer", strangersPlugs, false},
			{"jane", slices.Concat(liveTopics, minuteTopics, plugLives, plugMinutes, strangersPlugs), true},
			{"", []string{topicStatus, topicAvailability, topicOffer}, true},
			{"", []string{prefixReplies + "somebody", prefixGrants + "buyer", topicOrders}, false},
			{"jane", []string{prefixGrants + "jane"}, true},
			{"jane", []string{prefixGrants + "buyer", topicOrders}, false},
		} {
			// A name without an account cannot log in; what its patterns would say does not matter.
			if tt.user != "" && !hasAccount(p, tt.user) {
				if tt.want {
					t.Errorf("%+v: %s has no account", name, tt.user)
				}
				continue
			}
			for _, topic := range tt.topics {
				if got := r.MayRead(tt.user, "anybody", topic); got != tt.want {
					t.Errorf("%+v: %q reads %s: %t, want %t", name, tt.user, topic, got, tt.want)
				}
			}
		}
		if got := r.MayWrite("", "anybody", topicOrders); got != name.selling {
			t.Errorf("%+v: a stranger writes orders: %t", name, got)
		}
		if got := r.MayRead("", "anybody", prefixReplies+"anybody"); got != name.selling {
			t.Errorf("%+v: a stranger reads its own replies: %t", name, got)
		}
	}
}

func hasAccount(p acl.Policy, name string) bool {
	return slices.ContainsFunc(p.Grants, func(a acl.Account) bool { return a.Name == name })
}

func TestPrivateLetsOnlyTheOwnersUsersIn(t *testing.T) {
	for name, p := range policies(t) {
		if !hasAccount(p, "jane") {
			t.Errorf("%+v: the owner's user is locked out", name)
		}
		if got, want := hasAccount(p, "buyer"), name.level != config.Private; got != want {
			t.Errorf("%+v: the buyer has an account: %t", name, got)
		}
	}
}

func TestPublisherMayWriteWhatItPublishes(t *testing.T) {
	for name, p := range policies(t) {
		r := rules(t, p)
		for _, topic := range slices.Concat(liveTopics, minuteTopics, plugLives, plugMinutes,
			[]string{topicStatus, topicAvailability, topicOffer, topicOrders, prefixReplies + "c", prefixGrants + "jane", acl.CanaryPaid, acl.CanaryFree}) {
			if !r.MayWrite("the-gateway", "gw", topic) {
				t.Errorf("%+v: the gateway may not write %s", name, topic)
			}
		}
		if !r.MayRead("the-gateway", "gw", topicOrders) {
			t.Errorf("%+v: the gateway may not read orders", name)
		}
	}
}

func TestReplyTopic(t *testing.T) {
	for id, want := range map[string]bool{
		strings.Repeat("a", 21):       false,
		strings.Repeat("a", 22):       true,
		strings.Repeat("Z", 64):       true,
		strings.Repeat("a", 65):       false,
		"":                            false,
		"azAZ09_-azAZ09_-azAZ09_-":    true,
		"+/+/+/+/+/+/+/+/+/+/+/+/":    false,
		"########################":    false,
		"../../wattgate/status/xx":    false,
		"aaaaaaaaaaaaaaaaaaaaaaa/":    false,
		"aaaaaaaaaaaaaaaaaaaaaaa#":    false,
		"aaaaaaaaaaaaaaaaaaaaaaa ":    false,
		"aaaaaaaaaaaaaaaaaaaaaaa\n":   false,
		"aaaaaaaaaaaaaaaaaaaaaaa\x00": false,
		"aaaaaaaaaaaaaaaaaaaaaaa\xff": false,
		"aaaaaaaaaaaaaaaaaaaaaaa%c":   false,
		"$aaaaaaaaaaaaaaaaaaaaaaa":    false,
		"\u0430\u0430\u0430\u0430\u0430\u0430\u0430\u0430\u0430\u0430\u0430": false, // Cyrillic
	} {
		topic, ok := replyTopic(id)
		if ok != want || ok && topic != "wattgate/replies/"+id || !ok && topic != "" {
			t.Errorf("%q: %q %t, want %t", id, topic, ok, want)
		}
	}
}

func FuzzReplyTopic(f *testing.F) {
	f.Add("aaaaaaaaaaaaaaaaaaaaaaaa")
	f.Add("aaaaaaaaaaaa/../aaaaaaaaa")
	f.Fuzz(func(t *testing.T, id string) {
		topic, ok := replyTopic(id)
		if ok && (strings.Count(topic, "/") != 2 || strings.ContainsAny(topic, "+#$%\x00 ") || len(topic) > 64+len(prefixReplies)) {
			t.Errorf("%q became the topic %q", id, topic)
		}
	})
}
