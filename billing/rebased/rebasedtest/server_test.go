package rebasedtest

import (
	"math/big"
	"testing"
	"time"
)

// A node with a clock of its own seals what was paid without being told.
func TestAClockSealsPayments(t *testing.T) {
	s, err := Start(Options{Every: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	us := NewWallet("us").Address
	s.Pay(NewWallet("payer"), us, 500)
	for end := time.After(10 * time.Second); s.Balance(us).Cmp(big.NewInt(500)) != 0; {
		select {
		case <-end:
			t.Fatalf("balance %s", s.Balance(us))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Two payments of the same amount to the same address are two transactions.
func TestEachTransactionHasItsDigest(t *testing.T) {
	s, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	payer, us := NewWallet("payer"), NewWallet("us").Address
	if a, b := s.Pay(payer, us, 1), s.Pay(payer, us, 1); a == b {
		t.Errorf("both are %s", a)
	}
}

// Digests survive being read, and a wallet belongs to its name.
func TestDigestsAndWalletsAreStable(t *testing.T) {
	if got := base58(unbase58("tvDgE7mmbtwGC6Kg1tyUptAZyjVxSxCpLPYmSSv7tLe")); got != "tvDgE7mmbtwGC6Kg1tyUptAZyjVxSxCpLPYmSSv7tLe" {
		t.Errorf("%s", got)
	}
	if a := NewWallet("a"); a.Address != NewWallet("a").Address || a.Address == NewWallet("b").Address || len(a.Address) != 66 {
		t.Errorf("%s", a.Address)
	}
}
