package buyer

import "testing"

func TestHandPaidOrderSurvivesARefusal(t *testing.T) {
	g := newGateway(t)
	p, _ := ordered(t, g)
	p.Wallet = nil
	told := false
	if _, _, err := p.take(t.Context(), g.invoice(p, nil), &told); err != nil {
		t.Fatal(err)
	}
	// the buyer pays by hand now; then an unsigned refusal comes in
	p.take(t.Context(), []byte(`{"error":{"code":"invalid","message":"no","fix":""}}`), &told)
	if resumed(t, p).book.Pending == nil {
		t.Error("the key that opens the password is gone")
	}
}
