//go:build linux

package ledger

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/rebased/rebasedtest"
	"github.com/wattgate/wattgate/billing/stardust/stardusttest"
	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// program is the binary under test.
func program(t *testing.T) wattgatetest.Program {
	t.Helper()
	stardusttest.Require(t)
	all, missing, err := wattgatetest.BuildAll(t.Context())
	if err := errors.Join(missing, err); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(all.Remove)
	return all.Plain
}

// start starts a demo in a directory with a path short enough for a unix socket.
func start(t *testing.T, p wattgatetest.Program, args ...string) *wattgatetest.Demo {
	t.Helper()
	dir, err := os.MkdirTemp("", "wg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d, err := wattgatetest.StartDemo(t.Context(), p, dir, append([]string{"--plugs", "1"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the demo's log:\n%s", d.Log)
		}
	})
	return d
}

func eventually(t *testing.T, within time.Duration, probe func() error) {
	t.Helper()
	if err := wattgatetest.Eventually(t.Context(), within, probe); err != nil {
		t.Fatal(err)
	}
}

// access is what `buy --json` prints.
type access struct {
	Order, Username, Password string
	Start, End                time.Time
}

// reads is an error unless somebody reads the live stream.
func reads(ctx context.Context, d *wattgatetest.Demo, name, password string) error {
	c, err := wattgatetest.Connect(d.MQTT, wattgatetest.Login{Name: name, Password: password}, "sensor/live")
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Await(ctx, 3*time.Second, 1, "sensor/live")
	return err
}

// offerOf is the signed offer, once something is sold.
func offerOf(t *testing.T, d *wattgatetest.Demo) (offer billing.Offer) {
	t.Helper()
	eventually(t, 30*time.Second, func() error {
		var st control.Status
		if err := d.Read(t.Context(), &st, "status"); err != nil {
			return err // it may be starting anew
		}
		res, err := http.Get(d.Web + "/api/v1/offer")
		if err != nil {
			return err
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			return err
		}
		offer, err = billing.VerifyOffer(raw, st.Gateway)
		return err
	})
	return offer
}

// reconciles fails the test unless the books add up to what the node says an address received.
func reconciles(t *testing.T, d *wattgatetest.Demo, decimals int, node billing.Units) {
	t.Helper()
	var payments []control.Payment
	if err := d.Read(t.Context(), &payments, "payments"); err != nil {
		t.Fatal(err)
	}
	var sum billing.Units
	for _, p := range payments {
		u, err := billing.ParseUnits(p.Amount, decimals)
		if err != nil {
			t.Fatal(err)
		}
		sum += u
	}
	if sum != node {
		t.Errorf("the books have %d, the node %d", sum, node)
	}
	csv := d.Run(t.Context(), "export", "payments", "--csv")
	if n := strings.Count(csv.Out, "\n"); csv.Code != 0 || n != len(payments)+1 {
		t.Errorf("the export has %d lines for %d payments: %s", n, len(payments), csv)
	}
}

func TestBuyingOnARealPrivateNetwork(t *testing.T) {
	p := program(t)
	n := stardusttest.New(t, stardusttest.Options{})
	gateway := n.Wallets[3].Address(n.HRP)
	before, err := n.Balance(t.Context(), gateway)
	if err != nil {
		t.Fatal(err)
	}
	d := start(t, p, "--node", n.URL, "--address", gateway)
	offer := offerOf(t, d)
	if offer.Network != "stardust" || offer.Address != gateway || !strings.Contains(offer.Chain, n.Name) {
		t.Errorf("the offer says %s, %s, %s", offer.Network, offer.Chain, offer.Address)
	}
	buyer := p.With("XDG_STATE_HOME=" + t.TempDir())
	r := buyer.Run(t.Context(), "buy", d.MQTT, "--wallet", "stardust:"+n.WalletFiles[0], "--node", n.URL, "--json")
	var a access
	if err := json.Unmarshal([]byte(r.Out), &a); err != nil || r.Code != 0 || a.End.Sub(a.Start) != time.Hour {
		t.Fatalf("%v %+v\n%s", err, a, r)
	}
	if err := reads(t.Context(), d, a.Username, a.Password); err != nil {
		t.Errorf("who paid does not read: %v", err)
	}

	// An order inside the payment itself: the buyer tells the gateway nothing before.
	tag := "no-reference-at-all"
	sealed := carried(t, offer, "carol", "the password of carol")
	amount := max(500, billing.Units(len(sealed)+len(tag)+700))
	paid, err := n.Pay(t.Context(), stardusttest.Payment{To: gateway, Amount: amount, Tag: tag, Metadata: sealed, From: 1})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 15*time.Second, func() error { return reads(t.Context(), d, "carol", "the password of carol") })
	t.Logf("a payment of %d carried its order: %s", amount, paid.OutputID)

	// What matches nothing, and what is bound to a condition, is listed and not lost.
	for _, odd := range []stardusttest.Payment{
		{To: gateway, Amount: 777, Tag: "what is this", From: 2},
		{To: gateway, Amount: 5000, Tag: "with a string", From: 2, Return: 600},
	} {
		if _, err := n.Pay(t.Context(), odd); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 15*time.Second, func() error {
		var payments []control.Payment
		if err := d.Read(t.Context(), &payments, "payments"); err != nil {
			return err
		}
		unassigned := 0
		for _, p := range payments {
			if p.Order == "" && p.Note != "" {
				unassigned++
			}
		}
		if len(payments) != 4 || unassigned != 2 {
			return fmt.Errorf("%d payments, %d unassigned", len(payments), unassigned)
		}
		return nil
	})
	after, err := n.Balance(t.Context(), gateway)
	if err != nil {
		t.Fatal(err)
	}
	// Of the last one 600 have to go back: the node counts them until then.
	reconciles(t, d, 6, after-before-600)
}

// carried is a sealed order that travels in a payment.
func carried(t *testing.T, offer billing.Offer, username, password string) []byte {
	t.Helper()
	reply, err := billing.NewReplyKey()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := billing.SealOrder(billing.Order{
		ID: billing.NewOrderID(), Product: offer.Products[0].ID, Periods: 1, Username: username, Password: password,
		ReplyKey: billing.PublicText(reply), NotAfter: billing.Stamp{Time: time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)},
	}, offer, buyerKey(t))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestAnotherChainBehindTheSameNodeIsNoticedAndAcceptedByTheOwnerAlone(t *testing.T) {
	p := program(t)
	n := stardusttest.New(t, stardusttest.Options{Name: "first-network"})
	other := stardusttest.New(t, stardusttest.Options{Name: "second-network"})
	gateway := n.Wallets[3].Address(n.HRP)
	d := start(t, p, "--node", n.URL, "--address", gateway)
	offerOf(t, d)
	if err := handOver(t, d, other.URL, gateway); err != nil {
		t.Fatal(err)
	}
	problem := func(want string) func() error {
		return func() error {
			var st control.Status
			if err := d.Read(t.Context(), &st, "status"); err != nil {
				return err
			}
			if want == "" && st.Ledger.Problem != "" || !strings.Contains(st.Ledger.Problem, want) || (want == "") != (st.Ledger.Chain != "") {
				return fmt.Errorf("the ledger's status is %+v", st.Ledger)
			}
			return nil
		}
	}
	eventually(t, 20*time.Second, problem("wattgate ledger accept"))
	if res, err := http.Get(d.Web + "/api/v1/offer"); err != nil || res.StatusCode != http.StatusNotFound {
		t.Errorf("something is sold on a chain nobody accepted: %v %v", res, err)
	}
	if r := d.Run(t.Context(), "ledger", "accept"); r.Code != 0 || !strings.Contains(r.Out, "second-network") {
		t.Errorf("%s", r)
	}
	eventually(t, 20*time.Second, problem(""))
	if offer := offerOf(t, d); !strings.Contains(offer.Chain, "second-network") {
		t.Errorf("the offer names %s", offer.Chain)
	}
}

// handOver points the demo's gateway at another node, as `snap set` would.
func handOver(t *testing.T, d *wattgatetest.Demo, node, address string) error {
	t.Helper()
	return setLedger(t, d, map[string]any{"network": "stardust", "node": node, "address": address})
}

func setLedger(t *testing.T, d *wattgatetest.Demo, ledger map[string]any) error {
	t.Helper()
	data, err := os.ReadFile(d.ConfigFile())
	if err != nil {
		return err
	}
	var document map[string]any
	if err := json.Unmarshal(data, &document); err != nil {
		return err
	}
	document["ledger"] = ledger
	if data, err = json.Marshal(document); err != nil {
		return err
	}
	var done control.Done
	return control.NewClient(filepath.Join(d.State, "control.sock")).Post(t.Context(), "/v1/config", json.RawMessage(data), &done)
}

func TestBuyingOnTheLiveNetworksProtocol(t *testing.T) {
	p := program(t)
	node, err := rebasedtest.Start(rebasedtest.Options{Every: 250 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() })
	const gateway = "0x7777777777777777777777777777777777777777777777777777777777777777"
	d := start(t, p)
	if err := setLedger(t, d, map[string]any{"network": "rebased", "node": node.GraphQL(), "second-node": node.JSONRPC(), "address": gateway}); err != nil {
		t.Fatal(err)
	}
	offer := offerOf(t, d)
	if offer.Network != "rebased" || offer.Chain != rebasedtest.Chain || offer.Fee.Base == "0" {
		t.Errorf("the offer says %+v", offer)
	}
	// The buyer pays by other means: what he is asked for names the amount, which is the reference.
	dir := t.TempDir()
	buyer := p.With("XDG_STATE_HOME=" + dir)
	ended := make(chan wattgatetest.Result, 1)
	go func() { ended <- buyer.Run(t.Context(), "buy", d.MQTT, "--json") }()
	var asked control.Order
	eventually(t, 15*time.Second, func() error {
		var orders []control.Order
		if err := d.Read(t.Context(), &orders, "orders"); err != nil || len(orders) != 1 {
			return fmt.Errorf("%d orders, %v", len(orders), err)
		}
		asked = orders[0]
		return nil
	})
	amount, err := billing.ParseUnits(asked.Amount, 9)
	if err != nil || amount <= 500_000 || amount > 500_000+billing.MaxRemainder {
		t.Fatalf("the buyer is asked for %s, %v", asked.Amount, err)
	}
	payer := rebasedtest.NewWallet("payer")
	node.Pay(payer, gateway, uint64(amount))
	odd := node.Pay(payer, gateway, 123_456) // an exchange took its fee
	var a access
	select {
	case r := <-ended:
		if err := json.Unmarshal([]byte(r.Out), &a); err != nil || r.Code != 0 {
			t.Fatalf("%v\n%s", err, r)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the buyer still waits")
	}
	if err := reads(t.Context(), d, a.Username, a.Password); err != nil {
		t.Errorf("who paid does not read: %v", err)
	}
	// The remainder is paid, and is time.
	if got, want := a.End.Sub(a.Start), time.Duration(int64(amount)*3600/500_000)*time.Second; got != want {
		t.Errorf("%d nanos bought %v, want %v", amount, got, want)
	}
	eventually(t, 15*time.Second, func() error {
		var payments []control.Payment
		if err := d.Read(t.Context(), &payments, "payments"); err != nil || len(payments) != 2 {
			return fmt.Errorf("%d payments, %v", len(payments), err)
		}
		return nil
	})
	// The payer says what the odd one was for, and proves that it was his.
	var st control.Status
	if err := d.Read(t.Context(), &st, "status"); err != nil {
		t.Fatal(err)
	}
	claim := billing.Claim{Network: "rebased", Payment: odd, Order: asked.Hash}
	claim.Signature = rebasedtest.NewWallet("thief").SignPersonalMessage(billing.ClaimMessage(st.Gateway, claim))
	if code, answer := post(t, d.Web+"/api/v1/claims", claim); code == http.StatusOK {
		t.Errorf("a thief was believed: %s", answer)
	}
	claim.Signature = payer.SignPersonalMessage(billing.ClaimMessage(st.Gateway, claim))
	for range 2 { // said twice it counts once
		if code, answer := post(t, d.Web+"/api/v1/claims", claim); code != http.StatusOK {
			t.Errorf("the claim was refused with %d: %s", code, answer)
		}
	}
	var grants []control.Grant
	if err := d.Read(t.Context(), &grants, "grants"); err != nil || len(grants) != 1 {
		t.Fatal(grants, err)
	}
	if got, want := grants[0].End.Sub(*grants[0].Start), time.Duration((int64(amount)+123_456)*3600/500_000)*time.Second; got != want {
		t.Errorf("with the claimed money it lasts %v, want %v", got, want)
	}
	reconciles(t, d, 9, billing.Units(node.Balance(gateway).Int64()))
}

func post(t *testing.T, url string, document any) (code int, answer string) {
	t.Helper()
	data, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(url, "application/json", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func buyerKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
