package devicestest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/devices/devicestest"
)

const recording = "../../../shared/captures/wemo/pywemo/test_insight__Test_Insight.test_insight_params/00_POST_GetInsightParams"

// TestAnswersLookLikeTheRecordedOnes holds the simulated plug to what a real
// one sent: the same body but for the numbers, the same header fields, and the
// connection closed without a word about it.
func TestAnswersLookLikeTheRecordedOnes(t *testing.T) {
	body, err := os.ReadFile(filepath.FromSlash(recording + ".xml"))
	if err != nil {
		t.Skipf("SKIPPED: the recorded answers are not here: %v", err)
	}
	headers, err := os.ReadFile(filepath.FromSlash(recording + ".headers"))
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, devicestest.Options{Seed: 11, Silent: true})
	conn, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const ask = "<u:GetInsightParams/>"
	fmt.Fprintf(conn, "POST /upnp/control/insight1 HTTP/1.1\r\nHOST: x\r\nSOAPACTION: \"urn:Belkin:service:insight:1#GetInsightParams\"\r\nContent-Length: %d\r\n\r\n%s", len(ask), ask)
	raw, err := io.ReadAll(bufio.NewReader(conn)) // ends because the plug closes
	if err != nil {
		t.Fatal(err)
	}
	head, got, _ := strings.Cut(string(raw), "\r\n\r\n")
	params := regexp.MustCompile(`>[0-9]+(\|[0-9]+){8}\|[0-9]+\.000000\|8000<`)
	if a, b := params.ReplaceAllString(got, ">PARAMS<"), params.ReplaceAllString(string(body), ">PARAMS<"); a != b {
		t.Errorf("body\n%q\nrecorded\n%q", a, b)
	}
	_, recorded, _ := strings.Cut(string(headers), "HTTP 200 OK\n")
	_, sent, _ := strings.Cut(head, "\r\n")
	if a, b := fields(sent), fields(recorded); !slices.Equal(a, b) {
		t.Errorf("header fields %q, recorded %q", a, b)
	}
}

// fields returns the names of header lines, sorted.
func fields(lines string) []string {
	var out []string
	for line := range strings.Lines(lines) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
