package buyer

import (
	"strings"
	"testing"

	"github.com/wattgate/wattgate/billing"
)

func TestWallets(t *testing.T) {
	if w, err := NewWallet("", "", Target{}); w != nil || err != nil {
		t.Errorf("none: %v %v", w, err)
	}
	if _, err := NewWallet("bank", "", Target{}); err == nil || !strings.Contains(err.Error(), "sandbox") {
		t.Errorf("unknown: %v", err)
	}
	w, err := NewWallet("sandbox", "", Target{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Pay(t.Context(), billing.Offer{}, billing.Invoice{Network: "mainnet"}, 1); err == nil || !strings.Contains(err.Error(), "real money") {
		t.Errorf("play money for real money: %v", err)
	}
	if err := w.Pay(t.Context(), billing.Offer{}, billing.Invoice{Network: billing.SandboxNetwork}, 1); err == nil || !strings.Contains(err.Error(), "public.host") {
		t.Errorf("no address to pay at: %v", err)
	}
}

func TestPlayMoneyGoesToWhereTheOfferSaysOrTheBuyerCameFrom(t *testing.T) {
	came := Target{Broker: "mqtts://[2001:db8::7]:8883"}
	for named, want := range map[string]string{"http://meter.example:81/": "http://meter.example:81", "": "http://[2001:db8::7]:8080"} {
		offer := billing.Offer{Endpoints: billing.Endpoints{HTTP: named}}
		if got, err := (sandboxWallet{came}).api(offer); err != nil || got != want {
			t.Errorf("the offer names %q: %q %v, want %q", named, got, err, want)
		}
	}
}
