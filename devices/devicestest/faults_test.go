package devicestest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/devices/devicestest"
	"github.com/wattgate/wattgate/devices/driver"
	"github.com/wattgate/wattgate/devices/ssdp"
	"github.com/wattgate/wattgate/devices/wemo"
)

// Every knob does to the driver what it is named after.
func TestKnobsOfTheMeter(t *testing.T) {
	p := start(t, devicestest.Options{Seed: 21, Silent: true})
	_, meter, err := wemo.Brand{}.Describe(t.Context(), driver.Location{Addr: p.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		fault devicestest.Fault
		want  driver.Reading
		err   string // "" = the reading is wanted
	}{
		"byte order mark":  {devicestest.Fault{BOM: true, Params: "1|1|2|3|4|5|6|41400|7|8.000000|9"}, driver.Reading{Relay: driver.RelayOn, Power: 41400, HasPower: true, Total: 8, HasTotal: true}, ""},
		"8 fields":         {devicestest.Fault{Params: "8|1|2|3|4|5|6|500"}, driver.Reading{Relay: driver.RelayStandby, Power: 500, HasPower: true}, ""},
		"beyond 2^32":      {devicestest.Fault{Params: "1|1|2|3|4|5|6|0|7|4294967300.000000|9"}, driver.Reading{Relay: driver.RelayOn, HasPower: true, Total: 4294967300, HasTotal: true}, ""},
		"slow, in time":    {devicestest.Fault{Params: "8|1|2|3|4|5|6|500", Drip: time.Millisecond}, driver.Reading{Relay: driver.RelayStandby, Power: 500, HasPower: true}, ""},
		"Error":            {devicestest.Fault{Params: "Error"}, driver.Reading{}, `the plug answered "Error"`},
		"slow body":        {devicestest.Fault{Drip: 50 * time.Millisecond}, driver.Reading{}, "no answer within 2s"},
		"endless blanks":   {devicestest.Fault{Endless: true, Body: "<a>"}, driver.Reading{}, "cannot read the answer"},
		"entity bomb":      {devicestest.Fault{Body: `<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x><InsightParams>&b;</InsightParams></x>`}, driver.Reading{}, "cannot read the answer"},
		"length too long":  {devicestest.Fault{Surplus: 21, Params: "8|1|2|3|4|5|6|500"}, driver.Reading{Relay: driver.RelayStandby, Power: 500, HasPower: true}, ""},
		"length too short": {devicestest.Fault{Surplus: -200}, driver.Reading{}, "cannot read the answer"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := p.Break(tt.fault); err != nil {
				t.Fatal(err)
			}
			r, err := meter.Read(t.Context())
			if tt.err == "" && (err != nil || r != tt.want) {
				t.Errorf("%+v, %v; want %+v", r, err, tt.want)
			}
			if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("%+v, %v; want an error about %q", r, err, tt.err)
			}
		})
	}
}

func TestKnobsOfTheIdentity(t *testing.T) {
	seed := int64(os.Getpid()) << 8
	p := start(t, devicestest.Options{Seed: seed + 40})
	find := func() (ssdp.Answer, bool) {
		answers, err := ssdp.Search(t.Context(), "lo", wemo.Brand{}.Targets())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(answers, func(a ssdp.Answer) bool { return a.UDN == p.UDN() })
		if i < 0 {
			return ssdp.Answer{}, false
		}
		return answers[i], true
	}
	p.Break(devicestest.Fault{Deaf: true})
	if a, ok := find(); ok {
		t.Errorf("a deaf plug answered: %v", a)
	}
	p.Break(devicestest.Fault{Location: "http://192.0.2.1:49153/setup.xml"})
	if a, ok := find(); ok {
		t.Errorf("a location in another network was taken: %v", a)
	}
	p.Break(devicestest.Fault{UDN: "uuid:Insight-1_0-OTHER"})
	a, ok := find()
	if !ok {
		t.Fatal("it does not answer")
	}
	if id, _, err := (wemo.Brand{}).Describe(t.Context(), a.At); err != nil || id.UDN == a.UDN {
		t.Errorf("%+v, %v: the description must name another one", id, err)
	}
	p.Break(devicestest.Fault{})
	before := p.Addr()
	if err := p.Move(0); err != nil {
		t.Fatal(err)
	}
	if a, ok := find(); !ok || a.At.Addr != p.Addr() || p.Addr() == before {
		t.Errorf("moved from %v to %v, found at %v", before, p.Addr(), a)
	}
	_, meter, err := wemo.Brand{}.Describe(t.Context(), driver.Location{Addr: p.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	p.Reset()
	if r, err := meter.Read(t.Context()); err != nil || !r.HasTotal || r.Total > 1000 {
		t.Errorf("after a reset: %+v, %v", r, err)
	}
}

// ask sends one request as it is and returns the answer's head and body.
func ask(t *testing.T, p *devicestest.Plug, lines ...string) (head, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s\r\nHOST: x\r\n\r\n", strings.Join(lines, "\r\n"))
	raw, err := io.ReadAll(bufio.NewReader(conn))
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ = strings.Cut(string(raw), "\r\n\r\n")
	return head, body
}

// Subscriptions are answered as recorded, field by field.
func TestSubscriptionsLookLikeTheRecordedOnes(t *testing.T) {
	const dir = "../../../shared/captures/wemo/pywemo/test_insight__Test_Insight.test_subscribe"
	events, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	p := start(t, devicestest.Options{Seed: 31, Silent: true})
	head, body := ask(t, p, "SUBSCRIBE /upnp/event/insight1 HTTP/1.1", "CALLBACK: <http://"+events.Addr().String()+"/x>", "NT: upnp:event", "TIMEOUT: Second-300")
	if _, err := os.Stat(filepath.FromSlash(dir)); err != nil {
		t.Logf("SKIPPED the comparison: the recorded answers are not here: %v", err)
	} else {
		compare(t, dir+"/01_SUBSCRIBE_upnp_event_insight1.headers", head)
	}
	_, rest, _ := strings.Cut(head, "SID: ")
	sid, _, _ := strings.Cut(rest, "\r\n")
	if body != "" || !strings.HasPrefix(sid, "uuid:") || !strings.Contains(head, "TIMEOUT: Second-1801") || p.Subscribers() != 1 {
		t.Errorf("%q, %q, %d subscribers", head, body, p.Subscribers())
	}

	// The first event comes at once.
	conn, err := events.Accept()
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(req.Body)
	conn.Close()
	if err != nil || req.Method != "NOTIFY" || req.Header.Get("Sid") != sid || req.Header.Get("Seq") != "0" {
		t.Errorf("event %v, %v", req, err)
	}
	if s, err := wemo.ParseAnswer(strings.NewReader(string(b)), "InsightParams"); err != nil || strings.Count(s, "|") != 10 || strings.Contains(s, ".") {
		t.Errorf("event of 11 fields without decimals: %q, %v", s, err)
	}

	if head, _ := ask(t, p, "SUBSCRIBE /upnp/event/insight1 HTTP/1.1", "SID: "+sid); !strings.Contains(head, " 200 ") {
		t.Errorf("renewal: %q", head)
	}
	p.ForgetSubscribers()
	if head, _ := ask(t, p, "SUBSCRIBE /upnp/event/insight1 HTTP/1.1", "SID: "+sid); !strings.Contains(head, " 412 ") {
		t.Errorf("after a restart: %q", head)
	}
	head, _ = ask(t, p, "SUBSCRIBE /upnp/event/insight1 HTTP/1.1", "CALLBACK: <http://"+events.Addr().String()+"/x>", "NT: upnp:event")
	_, rest, _ = strings.Cut(head, "SID: ")
	sid, _, _ = strings.Cut(rest, "\r\n")
	if head, body = ask(t, p, "UNSUBSCRIBE /upnp/event/insight1 HTTP/1.1", "SID: "+sid); p.Subscribers() != 0 || !strings.Contains(body, "200 OK") {
		t.Errorf("%q, %q, %d subscribers", head, body, p.Subscribers())
	}
	if _, err := os.Stat(filepath.FromSlash(dir)); err == nil {
		compareBody(t, dir+"/03_UNSUBSCRIBE_upnp_event_insight1", head, body)
	}
}

// compareBody is compare for an answer with a body.
func compareBody(t *testing.T, recording, head, body string) {
	t.Helper()
	compare(t, recording+".headers", head)
	b, err := os.ReadFile(filepath.FromSlash(recording + ".xml"))
	if err != nil || string(b) != body {
		t.Errorf("body %q, recorded %q, %v", body, b, err)
	}
}

// compare holds an answer's head to a recorded one: the same fields.
func compare(t *testing.T, recording, head string) {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(recording))
	if err != nil {
		t.Fatal(err)
	}
	_, recorded, _ := strings.Cut(string(b), "HTTP 200 OK\n")
	_, sent, _ := strings.Cut(head, "\r\n")
	if a, b := fields(sent), fields(strings.TrimSpace(recorded)); !slices.Equal(a, b) {
		t.Errorf("header fields %q, recorded %q", a, b)
	}
}
