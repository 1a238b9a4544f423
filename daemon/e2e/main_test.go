//go:build linux

package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// built is the program under test, set by TestMain before the first test.
var built struct {
	plain    wattgatetest.Program
	crashing wattgatetest.Program // dies at the step a test names
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(testAll(m))
}

func testAll(m *testing.M) int {
	all, missing, err := wattgatetest.BuildAll(context.Background())
	defer all.Remove()
	switch {
	case missing != nil && !strings.Contains(os.Getenv("WATTGATE_REQUIRE"), "mosquitto"):
		fmt.Fprintf(os.Stderr, "SKIPPED all end-to-end tests: %v\n", missing)
		return 0
	case missing != nil || err != nil:
		fmt.Fprintln(os.Stderr, "cannot test:", errors.Join(missing, err))
		return 1
	}
	built.plain, built.crashing = all.Plain, all.Crashing
	// Most of a test is waiting, so more of them run at once than there are processors.
	if flag.Lookup("test.parallel").Value.String() == flag.Lookup("test.parallel").DefValue {
		_ = flag.Set("test.parallel", "4")
	}
	return m.Run()
}
