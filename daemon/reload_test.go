package daemon

import (
	"strings"
	"testing"

	"github.com/wattgate/wattgate/daemon/config"
)

func TestLowerLevel(t *testing.T) {
	levels := []config.Level{config.Private, config.Average, config.Live}
	for i, a := range levels {
		for j, b := range levels {
			if got := lower(a, b); got != (j < i) {
				t.Errorf("from %s to %s is lower: %t", a, b, got)
			}
		}
	}
}

func TestRunsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		name := newRun()
		if len(name) != 8 || strings.Trim(name, "0123456789abcdef") != "" || seen[name] {
			t.Fatalf("%q", name)
		}
		seen[name] = true
	}
}
