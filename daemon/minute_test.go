package daemon

import (
	"testing"
	"time"

	"github.com/wattgate/wattgate/acl/acltest"
)

// While the gate is closed the broker may let anybody read anything: an average of one plug, which is for its owner, must
// not go out then, whatever the level; the free one does.
func TestAverageThatIsNotForEverybodyStaysBehindAClosedGate(t *testing.T) {
	p := newPlant(t)
	l, _ := p.link(t, p.socket())
	g := &Gateway{link: l}
	reader := p.Reader(t, p.user, p.password, "", "sensor/#")
	m := minute{TS: "2026-11-22T07:01:00.000Z", WindowS: 60, PowerW: new(40.1), Coverage: 1}
	one := plugTopic("p-abcdef", "1m")

	g.sendMinute(one, m, false, false)
	g.sendMinute(topicMinute, m, true, false)
	arrived := func(topic string) func() bool {
		return func() bool { return reader.Topics()[topic] }
	}
	// Sent after the other over the same connection: had the other gone out, it would be here first.
	acltest.Eventually(t, "the free average", 5*time.Second, arrived(topicMinute+bareSuffix))
	if reader.Topics()[one] || reader.Topics()[one+bareSuffix] {
		t.Error("one plug's average went out through a closed gate")
	}
	g.sendMinute(one, m, false, true)
	acltest.Eventually(t, "the plug's average through an open gate", 5*time.Second, arrived(one+bareSuffix))
	if _, held := l.held()[one]; held {
		t.Error("one plug's average is retained")
	}
}
