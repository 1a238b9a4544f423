//go:build linux

package gate

import (
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

func TestBrokerThatEndsComesBackWithThePayer(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, c := range []struct {
		name string
		do   func(broker int) error
	}{
		{"killed", func(broker int) error { return syscall.Kill(broker, syscall.SIGKILL) }},
		{"restarted by hand", func(broker int) error { return syscall.Kill(broker, syscall.SIGTERM) }},
		{"killed, its rights deleted", func(broker int) error {
			return errors.Join(os.Remove(w.file("acl")), syscall.Kill(broker, syscall.SIGKILL))
		}},
		{"killed, its accounts deleted", func(broker int) error {
			return errors.Join(os.Remove(w.file("passwd")), syscall.Kill(broker, syscall.SIGKILL))
		}},
	} {
		broker := w.broker()
		w.afterSlot()
		done := time.Now()
		if err := c.do(broker); err != nil {
			t.Fatal(err)
		}
		tls, plain := w.served(done, mended)
		t.Logf("%-30s the payer reads again after %5d ms over TLS, %5d ms with mosquitto_sub", c.name, tls.Milliseconds(), plain.Milliseconds())
		w.serving(5 * time.Second)
	}
}

// A broker that does not answer is not one that disobeys: only after ten seconds without a sign of life is it started
// again.
func TestStalledBrokerIsWaitedForAndAHungOneReplaced(t *testing.T) {
	t.Parallel()
	w := start(t)
	broker := w.broker()
	stop := func(d time.Duration) time.Time {
		w.afterSlot()
		if err := syscall.Kill(broker, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		t.Cleanup(func() { _ = syscall.Kill(broker, syscall.SIGCONT) })
		pass(t, 2*time.Second)
		w.mustSay(t, "the marker did not come back")
		pass(t, time.Until(began.Add(d)))
		err := syscall.Kill(broker, syscall.SIGCONT)
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
		return time.Now()
	}

	woken := stop(6 * time.Second)
	tls, plain := w.served(woken, mended)
	t.Logf("stopped for 6 s: the payer reads again after %d ms over TLS, %d ms with mosquitto_sub", tls.Milliseconds(), plain.Milliseconds())
	if st := w.serving(5 * time.Second); st.Broker.PID != broker {
		t.Error("a broker that was stalled for 6 s was restarted")
	}
	if n := w.payer.losses(); n > 0 {
		t.Errorf("the stall cost the payer %d connections", n)
	}

	woken = stop(10 * time.Second)
	tls, plain = w.served(woken, mended)
	t.Logf("stopped for 10 s: the payer reads again after %d ms over TLS, %d ms with mosquitto_sub", tls.Milliseconds(), plain.Milliseconds())
	if strings.Contains(w.Log.String(), "changed by somebody else") {
		t.Error("silence was taken for a breach")
	}
	w.serving(5 * time.Second)

	broker = w.broker()
	w.afterSlot()
	if err := syscall.Kill(broker, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	tls, plain = w.served(stopped, 20*time.Second)
	t.Logf("stopped for ever: the payer reads again after %d ms over TLS, %d ms with mosquitto_sub", tls.Milliseconds(), plain.Milliseconds())
	if tls < 10*time.Second || w.broker() == broker {
		t.Errorf("a broker that hangs is replaced after ten seconds: broker %d, then %d", broker, w.broker())
	}
}

// mustSay expects the owner to learn that paid data is withheld, and why.
func (w *world) mustSay(t *testing.T, why string) {
	t.Helper()
	r := w.Run(t.Context(), "status")
	if r.Code != 4 || !strings.Contains(r.Out, "withheld") || !strings.Contains(r.Out, why) {
		t.Errorf("status must end with code 4 and say that paid data is withheld because %q\n%s", why, r)
	}
	if !w.Log.Contains("readings are withheld") || !w.Log.Contains(why) {
		t.Errorf("the journal does not say that readings are withheld because %q", why)
	}
}

// Mosquitto 2.0 loses a SIGHUP that comes during a reload. Strangers' signals may not cost anybody the access he bought.
func TestSignalsDuringReloadsLoseNoGrant(t *testing.T) {
	t.Parallel()
	w := start(t)
	broker := w.broker()
	storm := make(chan struct{})
	var signals int
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-storm:
				return
			case <-tick.C:
				if hangUp(broker) == nil {
					signals++
				}
			}
		}
	})
	began := time.Now()
	const buyers = 6
	var logins []wattgatetest.Login
	for range buyers {
		logins = append(logins, w.buy())
	}
	pass(t, time.Second)
	close(storm)
	wg.Wait()
	for _, l := range logins {
		c, err := wattgatetest.Connect(w.MQTT, l, live)
		if err != nil {
			t.Fatalf("%s was told that the access is active, and cannot log in: %v", l.Name, err)
		}
		defer c.Close()
		if _, err := c.Await(t.Context(), 5*time.Second, 1, live); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d signals in %d ms; the payer's longest gap was %d ms", signals, time.Since(began).Milliseconds(), w.payer.gap(began).Milliseconds())
	if gap := w.payer.gap(began); gap > time.Second+measuringSlack {
		t.Errorf("the signals cost the payer %s", gap)
	}
	if st := w.serving(5 * time.Second); st.Broker.PID != broker || w.payer.losses() > 0 {
		t.Error("signals alone led to a restart")
	}
}
