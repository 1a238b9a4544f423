//go:build linux

package gate

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// promisedEnd is how long after its time an access may last.
const promisedEnd = time.Second

func TestEndClosesEveryConnectionWithinASecond(t *testing.T) {
	t.Parallel()
	w := begin(t, built.plain, stateDir(t), "--period", "4s")
	login, end := w.buyUntil()
	doors := map[string]string{"TCP": w.MQTT, "TLS": w.overTLS(), "WebSockets": w.overWebSockets()}
	readers := map[string]*wattgatetest.Client{}
	for name, address := range doors {
		c, err := wattgatetest.Connect(address, login, live)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Cleanup(c.Close)
		readers[name] = c
	}
	withholding, err := dialRaw(t, w.MQTT, connection{who: login, subscribed: []string{live, "wattgate/grants/+", "#"}})
	if err != nil {
		t.Fatal(err)
	}
	limit := end.Add(promisedEnd + measuringSlack)
	for name, c := range readers {
		select {
		case <-c.Lost():
			t.Logf("%-10s closed %4d ms after the end", name, c.LostAt().Sub(end).Milliseconds())
		case <-time.After(time.Until(limit)):
			t.Errorf("%s: the connection stands although the access is over", name)
		}
		nothingAfter(t, name, c.Messages(), end.Add(promisedEnd))
		if _, err := wattgatetest.Connect(doors[name], login); err == nil {
			t.Errorf("%s: the password works although the access is over", name)
		}
	}
	closed, err := withholding.gone(time.Until(limit))
	if err != nil {
		t.Fatalf("a client that never acknowledges: %v", err)
	}
	t.Logf("%-10s closed %4d ms after the end", "no PUBACK", closed.Sub(end).Milliseconds())
	nothingAfter(t, "a client that never acknowledges", withholding.messages(), end.Add(promisedEnd))
}

// nothingAfter fails if readings came after a moment, or none before it: then there was nothing to end.
func nothingAfter(t *testing.T, who string, all []wattgatetest.Message, limit time.Time) {
	t.Helper()
	readings := stolen(all)
	if len(readings) == 0 {
		t.Errorf("%s: it was never served", who)
	}
	for _, m := range readings {
		if m.At.After(limit) {
			t.Errorf("%s: received a reading %s after the limit", who, m.At.Sub(limit))
		}
	}
}

// A session that outlives its connection holds nothing of the time that was not paid for.
func TestPersistentSessionHoldsNothingOfTheGap(t *testing.T) {
	t.Parallel()
	w := begin(t, built.plain, stateDir(t), "--period", "3s")
	buyer := built.plain.With("XDG_STATE_HOME=" + t.TempDir())
	login, end := w.buyWith(buyer)
	id := rand.Text()
	session := connection{id: id, who: login, subscribed: []string{live, "wattgate/grants/" + login.Name}}
	first, err := dialRaw(t, w.MQTT, session)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.gone(time.Until(end) + promisedEnd + measuringSlack); err != nil {
		t.Fatal(err)
	}
	pass(t, 2*time.Second)
	if _, err := dialRaw(t, w.MQTT, session); err == nil {
		t.Error("the password works although the access is over")
	}
	// A stranger who knows the client id takes the session over. He gets nothing out of it.
	thief, err := dialRaw(t, w.MQTT, connection{id: id})
	if err != nil {
		t.Fatal(err)
	}
	pass(t, time.Second)
	if n := thief.readings(); n > 0 {
		t.Errorf("a stranger got %d readings out of the buyer's session", n)
	}
	_ = thief.conn.Close()

	renewed := time.Now()
	again, _ := w.buyWith(buyer)
	if again.Name != login.Name {
		t.Fatalf("renewed as %s, bought as %s", again.Name, login.Name)
	}
	session.who = again
	second, err := dialRaw(t, w.MQTT, session)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() error { return expect(second.readings() >= 2, "not served after the renewal") })
	for _, m := range second.messages() {
		if !isPaid(m.Topic) {
			continue
		}
		if at := slotOf(t, m.Payload); at.Before(renewed) {
			t.Errorf("the renewed session yielded a reading of %s, %s before the renewal", at, renewed.Sub(at))
		}
	}
}
