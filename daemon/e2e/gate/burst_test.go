//go:build linux

package gate

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// crowd is how many buyers pay within one second.
const crowd = 200

// chosen is the password all of them choose: their names tell them apart.
const chosen = "correct horse battery"

func TestTwoHundredBoughtInASecondShareFewReloads(t *testing.T) {
	t.Parallel()
	w := start(t)
	invoices := w.orderMany(crowd)
	before := w.serving(5 * time.Second)
	began := time.Now()
	w.payAll(invoices)
	paid := time.Since(began)
	var grants []control.Grant
	eventually(t, 20*time.Second, func() error {
		grants = nil
		if err := w.Read(t.Context(), &grants, "grants"); err != nil {
			return err
		}
		active := 0
		for _, g := range grants {
			if g.State == "active" {
				active++
			}
		}
		return expect(active == crowd+1, fmt.Sprintf("%d of %d accesses are active", active, crowd+1))
	})
	activeAfter := time.Since(began)
	after := w.serving(5 * time.Second)
	w.payer.next(t, time.Now(), 5*time.Second)
	reloads := after.Broker.Reloads - before.Broker.Reloads
	t.Logf("%d payments within %d ms, all active after %d ms, %d reloads; the payer's longest gap was %d ms",
		crowd, paid.Milliseconds(), activeAfter.Milliseconds(), reloads, w.payer.gap(began).Milliseconds())
	if reloads < 1 || reloads > 15 {
		t.Errorf("%d grants took %d reloads", crowd, reloads)
	}
	if after.Broker.PID != before.Broker.PID || w.payer.losses() > 0 {
		t.Error("the burst cost the payer his connection")
	}
	var wg sync.WaitGroup
	errs := make([]error, crowd)
	for i := range crowd {
		wg.Go(func() {
			c, err := wattgatetest.Connect(w.MQTT, wattgatetest.Login{Name: crowdName(i), Password: chosen}, live)
			if err != nil {
				errs[i] = fmt.Errorf("%s: %w", crowdName(i), err)
				return
			}
			defer c.Close()
			_, errs[i] = c.Await(t.Context(), 10*time.Second, 1, live)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

func crowdName(i int) string { return fmt.Sprintf("crowd-%d", i) }

// orderMany places orders over one connection and returns their invoices.
func (w *world) orderMany(n int) []billing.Invoice {
	w.t.Helper()
	offer, fingerprint := w.offer(), w.fingerprint()
	replies := make(chan []byte, 2*n)
	id := "crowd-" + rand.Text()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(w.MQTT).SetClientID(id).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { replies <- m.Payload() }))
	finish := func(token mqtt.Token) {
		w.t.Helper()
		if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			w.t.Fatalf("the broker does not answer: %v", token.Error())
		}
	}
	finish(c.Connect())
	defer c.Disconnect(0)
	finish(c.Subscribe("wattgate/replies/"+id, 1, nil))
	var invoices []billing.Invoice
	for i := range n {
		finish(c.Publish("wattgate/orders", 1, false, sealedOrder(w.t, offer, id, crowdName(i))))
		select {
		case raw := <-replies:
			v, err := billing.VerifyInvoice(raw, fingerprint)
			if err != nil {
				w.t.Fatalf("no invoice: %v\n%s", err, raw)
			}
			invoices = append(invoices, v)
		case <-time.After(10 * time.Second):
			w.t.Fatalf("order %d was not answered", i)
		}
	}
	return invoices
}

func sealedOrder(t *testing.T, offer billing.Offer, replyTo, username string) []byte {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := billing.NewReplyKey()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := billing.SealOrder(billing.Order{
		ID: billing.NewOrderID(), Product: offer.Products[0].ID, Periods: 1, Username: username, Password: chosen,
		ReplyKey: billing.PublicText(reply), ReplyTo: replyTo,
		NotAfter: billing.Stamp{Time: time.Now().Add(5 * time.Minute).UTC().Truncate(time.Millisecond)},
	}, offer, key)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// offer reads the gateway's signed offer.
func (w *world) offer() billing.Offer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.Web+"/api/v1/offer", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		w.t.Fatal(err)
	}
	offer, err := billing.VerifyOffer(raw, w.fingerprint())
	if err != nil {
		w.t.Fatal(err)
	}
	return offer
}

func (w *world) fingerprint() string {
	w.t.Helper()
	st, err := w.status()
	if err != nil {
		w.t.Fatal(err)
	}
	return st.Gateway
}

// payAll pays every invoice with play money, evenly over not quite a second, several at a time.
func (w *world) payAll(invoices []billing.Invoice) {
	w.t.Helper()
	todo := make(chan billing.Invoice, len(invoices))
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(todo)
		tick := time.NewTicker(900 * time.Millisecond / crowd)
		defer tick.Stop()
		for _, v := range invoices {
			<-tick.C
			todo <- v
		}
	})
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			for v := range todo {
				errs[i] = errors.Join(errs[i], pay(w.t, w.Web, v))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		w.t.Fatal(err)
	}
}

func pay(t *testing.T, web string, v billing.Invoice) error {
	body, err := json.Marshal(map[string]string{"address": v.Address, "amount": "500", "reference": v.Reference})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web+"/api/v1/sandbox/pay", bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 4<<10))
	return errors.Join(err, expect(res.StatusCode == http.StatusOK, "not paid: "+res.Status))
}
