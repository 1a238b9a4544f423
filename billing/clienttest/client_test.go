package clienttest

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/billing"
)

const (
	vectorFile = "../testdata/vectors.json"
	buyerSeed  = "2122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40"
)

// needNode skips without a Node that is new enough, or fails where it is required.
func needNode(t *testing.T) {
	t.Helper()
	out, err := exec.Command("node", "--version").Output()
	version := strings.TrimSpace(string(out))
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	if n, bad := strconv.Atoi(major); err == nil && bad == nil && n >= 20 {
		return
	}
	why := fmt.Sprintf("the client in another language needs Node 20 or newer, found: %q, %v", version, err)
	if strings.Contains(os.Getenv("WATTGATE_REQUIRE"), "node") {
		t.Fatal(why)
	}
	t.Skip("SKIPPED, NOT TESTED: " + why)
}

// run runs the client and returns what it printed.
func run(ctx context.Context, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, "node", append([]string{"client.mjs"}, args...)...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return out, err
}

func TestVectorsHoldInAnotherLanguage(t *testing.T) {
	needNode(t)
	if _, err := run(t.Context(), "vectors", vectorFile); err != nil {
		t.Error(err)
	}
}

// TestEveryVectorIsLookedAt: whichever of them is changed by a single character, the client notices.
func TestEveryVectorIsLookedAt(t *testing.T) {
	needNode(t)
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	for name, value := range all {
		if name == "about" || name == "claim" { // prose; the claim's signature is a wallet's business
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := map[string]json.RawMessage{}
			maps.Copy(broken, all)
			text := []byte(string(value))
			i := len(text) / 2
			for !strings.ContainsRune("0123456789abcdefghijklmnopqrstuvwxyz", rune(text[i])) || text[i-1] == '\\' {
				i--
			}
			text[i] = map[bool]byte{true: '1', false: '0'}[text[i] == '0']
			broken[name] = text
			file := filepath.Join(t.TempDir(), "vectors.json")
			mangled, err := json.Marshal(broken)
			if err == nil {
				err = os.WriteFile(file, mangled, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := run(t.Context(), "vectors", file); err == nil {
				t.Errorf("%s was changed to %.200s, and the client agrees", name, text)
			}
		})
	}
}

// gateway is a shop on a real database behind HTTP.
type gateway struct {
	shop        *billing.Shop
	terms       billing.Terms
	url         string
	fingerprint string
}

func newGateway(t *testing.T, network billing.Network) *gateway {
	t.Helper()
	dir := t.TempDir()
	id, err := billing.LoadIdentity(filepath.Join(dir, "identity.key"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := billing.Open(t.Context(), filepath.Join(dir, "wattgate.db"), billing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	g := &gateway{fingerprint: id.Fingerprint(), terms: billing.Terms{
		Network: network, Product: billing.Product{ID: "live", Topics: []string{"sensor/live"}, RateHz: 2},
		Price: billing.Price{Amount: 500_000, Period: 3600, MinPeriods: 2}, Text: "ä \" \\ \u2028 <&>", Selling: true,
	}}
	if g.shop, err = billing.NewShop(store, id, g.terms, nil); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	var doc []byte
	var err error
	switch {
	case r.URL.Path == "/api/v1/offer":
		doc, err = g.shop.Offer(r.Context(), time.Now())
	case r.Method == http.MethodPost:
		if doc, err = io.ReadAll(io.LimitReader(r.Body, billing.MaxSealed+1)); err == nil {
			doc, err = g.shop.PlaceOrder(r.Context(), doc, billing.Origin{Transport: billing.ByHTTP}, time.Now())
		}
	default:
		doc, err = g.shop.OrderState(r.Context(), filepath.Base(r.URL.Path), time.Now())
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		doc = []byte(err.Error())
	}
	w.Write(doc)
}

// made is what the client has made.
type made struct {
	Hash         string `json:"hash"`
	Sealed       string `json:"sealed"`
	Tag          string `json:"tag"`
	ReplyPrivate string `json:"reply_private"`
	Invoice      struct {
		Address   string        `json:"address"`
		Amount    billing.Money `json:"amount"`
		Reference string        `json:"reference"`
		Kind      string        `json:"reference_kind"`
	} `json:"invoice"`
}

func (g *gateway) make(t *testing.T, command, fields string) (m made) {
	t.Helper()
	out, err := run(t.Context(), command, g.url, g.fingerprint, buyerSeed, fields)
	if err == nil {
		err = json.Unmarshal(out, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// pay credits a deposit and proves what it gave, as a broker would.
func (g *gateway) pay(t *testing.T, d billing.Deposit) {
	t.Helper()
	d.ID, d.At = "tx-1", time.Now()
	if _, err := g.shop.Credit(t.Context(), billing.Batch{Deposits: []billing.Deposit{d}, Cursor: "1"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	accounts, err := g.shop.Accounts(t.Context(), time.Now())
	if err == nil {
		_, err = g.shop.Activate(t.Context(), accounts, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// login holds that the client's receipt lets in.
func (g *gateway) login(t *testing.T, m made, username, password string) {
	t.Helper()
	out, err := run(t.Context(), "receipt", g.url, g.fingerprint, m.Hash, m.ReplyPrivate)
	var receipt struct{ State, Username, Password string }
	if err == nil {
		err = json.Unmarshal(out, &receipt)
	}
	if err != nil {
		t.Fatal(err)
	}
	if password == "" {
		password = receipt.Password
	}
	if _, ok, err := g.shop.Login(t.Context(), receipt.Username, password, time.Now()); err != nil || !ok || receipt.State != billing.StateActive {
		t.Errorf("receipt %+v does not let in: %v", receipt, err)
	}
	if username != "" && receipt.Username != username {
		t.Errorf("in as %s, wanted %s", receipt.Username, username)
	}
}

func units(t *testing.T, m billing.Money) billing.Units {
	t.Helper()
	u, err := m.Units()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestAnotherLanguageBuysByTag(t *testing.T) {
	needNode(t)
	g := newGateway(t, billing.Network{Name: "stardust", Address: "rms1main", Decimals: 6})
	m := g.make(t, "order", `{}`)
	g.pay(t, billing.Deposit{Address: m.Invoice.Address, Reference: m.Invoice.Reference, Amount: units(t, m.Invoice.Amount)})
	g.login(t, m, "", "")
}

func TestAnotherLanguageBuysByAmount(t *testing.T) {
	needNode(t)
	g := newGateway(t, billing.Network{Name: "rebased", Address: "0xmain", Decimals: 9, Reference: billing.ReferenceAmount})
	const password = "correct horse 1 \"{}"
	m := g.make(t, "order", `{"username":"alice","password":"correct horse 1 \"{}"}`)
	if m.Invoice.Kind != string(billing.ReferenceAmount) || m.Invoice.Reference != m.Invoice.Amount.Base {
		t.Fatalf("invoice %+v", m.Invoice)
	}
	g.pay(t, billing.Deposit{Address: m.Invoice.Address, Amount: units(t, m.Invoice.Amount)})
	g.login(t, m, "alice", password)
}

func TestAnotherLanguageBuysByMetadata(t *testing.T) {
	needNode(t)
	g := newGateway(t, billing.Network{Name: "stardust", Address: "rms1main", Decimals: 6})
	m := g.make(t, "seal", `{"username":"carol","password":"correct horse \"\\\\ 1","periods":3}`)
	sealed, err := hex.DecodeString(m.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.shop.OrderState(t.Context(), m.Hash, time.Now()); err == nil {
		t.Fatal("the gateway knows the order already")
	}
	g.pay(t, billing.Deposit{Address: "rms1main", Metadata: sealed, Amount: 1_700_000})
	g.login(t, m, "carol", `correct horse "\\ 1`)
}
