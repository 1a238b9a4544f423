package readings

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	s := fresh(t)
	must(t, s.SetName(t.Context(), "A1", "fridge"))
	must(t, s.SetName(t.Context(), "A1", "fridge")) // again is no clash with itself
	err := s.SetName(t.Context(), "B2", "fridge")
	if !errors.Is(err, ErrNameTaken) || !strings.Contains(err.Error(), "A1") {
		t.Errorf("a second fridge: %v", err)
	}
	must(t, s.SetName(t.Context(), "A1", "freezer"))
	must(t, s.SetName(t.Context(), "B2", "fridge")) // free again
	if got := s.PlugID("uuid:A1", "A1") + " " + s.PlugID("uuid:B2", "B2"); got != "freezer fridge" {
		t.Errorf("ids %s", got)
	}
	for _, bad := range []string{"", "Fridge", "kühl", "a b", "a/b", "+", "#", "a\n", strings.Repeat("a", 33), "p-abcdef", "p-", "221517k0101769"} {
		if err := s.SetName(t.Context(), "221517K0101769", bad); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, bad := range []string{"", "a b", "a\n", strings.Repeat("1", 65)} {
		if err := s.SetName(t.Context(), bad, "lamp"); !errors.Is(err, ErrName) {
			t.Errorf("serial %q: %v", bad, err)
		}
	}
	names, err := s.Names(t.Context())
	must(t, err)
	names["A1"] = "changed"
	if s.PlugID("uuid:A1", "A1") != "freezer" {
		t.Error("the caller's copy of the names is the store's own")
	}
}

func TestIDsTellNothing(t *testing.T) {
	const udn, serial = "uuid:Insight-1_0-221517K0101769", "221517K0101769"
	a, b := fresh(t), fresh(t)
	id := a.PlugID(udn, serial)
	if !regexp.MustCompile(`^p-[a-z2-7]{6}$`).MatchString(id) {
		t.Errorf("id %q", id)
	}
	if a.PlugID(udn, serial) != id {
		t.Error("the id is not stable")
	}
	if b.PlugID(udn, serial) == id {
		t.Error("two gateways give one plug the same id: it can be derived without the secret")
	}
	if a.PlugID(udn+"x", serial) == id {
		t.Error("the id does not depend on the UDN")
	}
}

// Two plugs whose six characters agree keep their ids apart, and the same ones after a restart in another order.
func TestCollidingIDsAreLonger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "readings.db")
	s := open(t, path)
	long := derive(s.secret, "uuid:second")
	s.ids["uuid:first"], s.owners["p-"+long[:6]] = "p-"+long[:6], "uuid:first"
	s.remember("uuid:first", "p-"+long[:6])
	if got := s.PlugID("uuid:second", "2"); got != "p-"+long[:7] {
		t.Errorf("id %s, want %s", got, "p-"+long[:7])
	}
	must(t, s.Close())
	s = open(t, path)
	if got := s.PlugID("uuid:second", "2"); got != "p-"+long[:7] {
		t.Errorf("after a restart %s", got)
	}
	if got := s.PlugID("uuid:first", "1"); got != "p-"+long[:6] {
		t.Errorf("after a restart %s", got)
	}
}

func TestInventedPlugsDoNotFillTheFile(t *testing.T) {
	s := fresh(t)
	for i := range maxIDs {
		s.ids[fmt.Sprint(i)] = fmt.Sprint(i)
	}
	id := s.PlugID("uuid:stranger", "X")
	if len(id) != len("p-")+longLength || len(id) > 32 || s.PlugID("uuid:stranger", "X") != id || len(s.ids) != maxIDs {
		t.Errorf("id %s, %d remembered", id, len(s.ids))
	}
}
