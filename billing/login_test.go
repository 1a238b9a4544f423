package billing

import (
	"context"
	"testing"
	"time"
)

// TestLoginIsForWhoMayLogInNow: the same people as in Accounts, with their own password.
func TestLoginIsForWhoMayLogInNow(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	login := func(name, password string) (Account, bool) {
		t.Helper()
		a, ok, err := w.shop.Login(ctx, name, password, w.now)
		if err != nil {
			t.Fatal(err)
		}
		return a, ok
	}
	w.credit(w.pay(w.buy(newBuyer(1), Order{Username: "alice", Password: "the first password"}), 500))
	if a, ok := login("alice", "the first password"); !ok || a.State != GrantPending {
		t.Errorf("before the proof: %+v %v", a, ok)
	}
	w.prove()
	a, ok := login("alice", "the first password")
	if listed := w.accounts(); !ok || len(listed) != 1 || a != listed[0] {
		t.Errorf("logged in as %+v %v, listed %+v", a, ok, listed)
	}
	for name, password := range map[string]string{"alice": "the wrong password", "bob": "the first password", "": ""} {
		if a, ok := login(name, password); ok || a != (Account{}) {
			t.Errorf("%q with %q got in as %+v", name, password, a)
		}
	}
	w.now = w.now.Add(time.Hour)
	if a, ok := login("alice", "the first password"); ok {
		t.Errorf("after the end: %+v", a)
	}
}
