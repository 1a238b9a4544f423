package stardusttest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// EnvRequire lists what must not be skipped; "ledger" is ours. Without it a test that needs a network is skipped, because
// the first build takes long.
const EnvRequire = "WATTGATE_REQUIRE"

// New starts a network for a test and ends it with the test. A network cannot live in a synctest bubble.
func New(t testing.TB, o Options) *Network {
	t.Helper()
	Require(t)
	if o.Log == nil {
		o.Log = t.Output()
	}
	// The build belongs to no test: its result is for all.
	n, err := Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the node's log ends with\n%s", tail(filepath.Join(n.Dir, "hornet.log"), 2000))
		}
		if err := n.Stop(); err != nil {
			t.Errorf("the private network did not end well: %v", err)
		}
	})
	return n
}

// Require skips the test unless networks are asked for.
func Require(t testing.TB) {
	t.Helper()
	if !strings.Contains(os.Getenv(EnvRequire), "ledger") {
		t.Skip("SKIPPED, NOT TESTED: a real private IOTA network (set WATTGATE_REQUIRE=ledger; the first build takes some six minutes)")
	}
}

// Context is the test's, with a limit that a hanging network meets before the test run does.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func tail(path string, size int) string {
	raw, _ := os.ReadFile(path)
	return string(raw[max(0, len(raw)-size):])
}
