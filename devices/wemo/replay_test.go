package wemo

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/devices/driver"
)

// replay answers every request for a path of a recording as the recording did:
// the body byte for byte, under the header that was recorded, whose lengths are
// wrong by up to 21 bytes. It serves until the test ends.
func replay(t *testing.T, dir string) netip.AddrPort {
	t.Helper()
	answers := recorded(t, dir)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				a, ok := answers[req.Method+" "+req.URL.Path]
				if !ok {
					a = "HTTP/1.1 404 Not Found\r\nCONTENT-LENGTH: 0\r\n\r\n"
				}
				fmt.Fprint(conn, a)
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

var requestLine = regexp.MustCompile(`^(\w+) http://[^/]+(/\S*)\n`)

// recorded reads a recording: "METHOD path" → answer as sent.
func recorded(t *testing.T, dir string) map[string]string {
	t.Helper()
	heads, _ := filepath.Glob(filepath.Join(captures, "pywemo", dir, "*.headers"))
	if len(heads) == 0 {
		t.Skipf("SKIPPED: the recording %s is not here", dir)
	}
	out := map[string]string{}
	for _, name := range heads {
		head, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		body, err := os.ReadFile(strings.TrimSuffix(name, ".headers") + ".xml")
		if err != nil {
			continue // an answer without a body
		}
		m := requestLine.FindStringSubmatch(string(head))
		_, fields, ok := strings.Cut(string(head), "\nHTTP 200 OK\n")
		if m == nil || !ok {
			continue
		}
		out[m[1]+" "+m[2]] = "HTTP/1.1 200 OK\r\n" + strings.ReplaceAll(strings.TrimSpace(fields), "\n", "\r\n") + "\r\n\r\n" + string(body)
	}
	return out
}

func TestRecordedPlugsAreReadOverTheNetwork(t *testing.T) {
	for _, row := range table(t, "setup-expected.tsv") {
		dir := filepath.Base(filepath.Dir(row["file"]))
		t.Run(dir, func(t *testing.T) {
			// No path is given, as for a fixed address: the light switch's is found too.
			id, meter, err := Brand{}.Describe(t.Context(), driver.Location{Addr: replay(t, dir)})
			if err != nil {
				t.Fatal(err)
			}
			want := driver.Identity{UDN: row["udn"], Serial: row["serial"], Model: row["model_name"], Firmware: row["firmware"], FriendlyName: strings.TrimSpace(row["friendly_name"]), MAC: row["mac"]}
			if id != want || (meter != nil) != (row["has_insight"] == "true") {
				t.Errorf("identity %+v, meter %v; want %+v, meter %s", id, meter, want, row["has_insight"])
			}
			if meter == nil {
				return
			}
			if r, err := meter.Read(t.Context()); err != nil || r != (driver.Reading{Relay: driver.RelayStandby, Power: 1190, HasPower: true, Total: 99830512, HasTotal: true}) {
				t.Errorf("reading %+v, %v", r, err)
			}
		})
	}
}

// A plug without decimals says the same in an answer to SetBinaryState, which
// the gateway never asks for, and in an event.
func TestRecordedBinaryStatesAreRead(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(captures, "pywemo/test_insight__*/*_POST_SetBinaryState.xml"))
	if len(files) == 0 {
		t.Skip("SKIPPED: the recorded SOAP answers are not here")
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseAnswer(f, "BinaryState")
		f.Close()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p, err := ParseInsight(s)
		if err != nil || p.Total.N != 99830512 || p.Threshold.Known {
			t.Errorf("%s: %q gives %+v, %v", name, s, p, err)
		}
	}
}
