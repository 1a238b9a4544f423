package acl

import (
	"strings"
	"testing"
)

func TestNewEntry(t *testing.T) {
	a, err := NewEntry("correct horse", ChosenIterations)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewEntry("correct horse", ChosenIterations)
	if err != nil {
		t.Fatal(err)
	}
	if a.Salt == b.Salt || a.Key == b.Key {
		t.Error("two entries of one password have the same salt or key")
	}
	back, err := parseEntry(string(a.appendTo(nil)))
	if err != nil || back != a {
		t.Errorf("round trip: %v", err)
	}
}

func TestNewEntryRefuses(t *testing.T) {
	for _, password := range []string{"", "a\x00b", "a\nb", "\x7f", strings.Repeat("x", 257)} {
		if _, err := NewEntry(password, 1); err == nil {
			t.Errorf("accepted %q", password)
		} else if len(password) > 1 && strings.Contains(err.Error(), password) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
	for _, n := range []int{-1, 0, 10_001} {
		if _, err := NewEntry("secret", n); err == nil {
			t.Errorf("accepted %d iterations", n)
		}
	}
}

func TestNewPasswordIsFresh(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		p := NewPassword()
		if len(p) != 32 || seen[p] || checkPassword(p) != nil {
			t.Fatalf("password of %d characters, seen before: %v", len(p), seen[p])
		}
		seen[p] = true
	}
}
