//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestLogIsQuietAndKeepsSecrets(t *testing.T) {
	t.Parallel()
	g := start(t, "--average-every", "1s")
	secrets := map[string]string{"owner's password": g.addOwner("jane").Password}
	a := newBuyer(t).buy(g)
	secrets["buyer's password"] = a.Password
	key, err := os.ReadFile(filepath.Join(g.State, "identity.key"))
	if err != nil {
		t.Fatal(err)
	}
	secrets["identity key"] = strings.TrimSpace(string(key))
	reader := g.subscribe(a.login(), "sensor/live")
	for _, said := range []string{"sold", "granted", "owner's user added", "broker connected", "gateway started"} {
		if !g.Log.Contains(said) {
			t.Errorf("the log does not say %q", said)
		}
	}

	quietFrom := len(g.Log.Lines())
	pass(t, 10*time.Second)
	lines := g.Log.Lines()
	if n := len(lines) - quietFrom; n > 5 {
		t.Errorf("%d lines in 10 s in which nothing was decided", n)
	}
	if len(reader.Messages("sensor/live")) < 18 {
		t.Error("the stream was not flowing while the log was watched")
	}
	// The start included: what differs in figures only is the same line.
	figures := regexp.MustCompile(`[0-9]+`)
	last := map[string]time.Time{}
	for _, l := range lines {
		text := figures.ReplaceAllString(l.Text, "N")
		if since := l.At.Sub(last[text]); since < time.Second && !expectedTwice(text) {
			t.Errorf("twice in %s: %s", since, l.Text)
		}
		last[text] = l.At
	}
	all := g.Log.String()
	for what, secret := range secrets {
		if strings.Contains(all, secret) {
			t.Errorf("the %s stands in the log", what)
		}
	}
}

// expectedTwice names the lines that say something else each time although they look alike without their figures.
func expectedTwice(text string) bool {
	// Each change of rights is proven, and there were two: a sale and an owner's user.
	return strings.Contains(text, "broker obeys")
}
