//go:build linux

package gate

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/daemon/broker"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// built is the program under test, set by TestMain before the first test.
var built struct {
	plain    wattgatetest.Program
	crashing wattgatetest.Program // dies at the step a test names
}

func TestMain(m *testing.M) {
	if spec := os.Getenv(envFlood); spec != "" {
		if err := floodOnly(spec); err != nil {
			fmt.Fprintln(os.Stderr, "cannot flood:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	os.Exit(testAll(m))
}

func testAll(m *testing.M) int {
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin") // Debian keeps mosquitto there
	if err := installed(); err != nil {
		if strings.Contains(os.Getenv("WATTGATE_REQUIRE"), "mosquitto") {
			fmt.Fprintf(os.Stderr, "cannot test: %v\n", err)
			return 1
		}
		fmt.Fprintf(os.Stderr, "SKIPPED all tests of the gate on a running demo: %v\n", err)
		return 0
	}
	dir, err := os.MkdirTemp("", "wgg")
	if err == nil {
		defer os.RemoveAll(dir)
		// Another user of this machine runs it in one of the tests.
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		built.plain, err = wattgatetest.Build(context.Background(), dir)
	}
	if err == nil {
		built.crashing, err = wattgatetest.Build(context.Background(), dir, "crashpoints")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// Most of a test is waiting for a broker to come back, so more of them run at once than there are processors.
	if flag.Lookup("test.parallel").Value.String() == flag.Lookup("test.parallel").DefValue {
		_ = flag.Set("test.parallel", "4")
	}
	return m.Run()
}

// installed looks for the broker, which WATTGATE_MOSQUITTO may name, and for its clients.
func installed() error {
	if _, err := broker.Find(); err != nil {
		return err
	}
	for _, name := range []string{"mosquitto_sub", "mosquitto_pub", "stdbuf"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%w (apt install mosquitto-clients)", err)
		}
	}
	return nil
}
