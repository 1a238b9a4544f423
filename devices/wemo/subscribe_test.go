package wemo

import (
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
)

func TestParseSubscription(t *testing.T) {
	const sid = "uuid:7a59e192-1dd2-11b2-849c-b527ba18a01e"
	for name, tt := range map[string]struct {
		sid, timeout string
		lasts        time.Duration // 0 = refused
	}{
		"as recorded":       {sid, "Second-1801", 1801 * time.Second},
		"infinite":          {sid, "Second-infinite", askedLease},
		"not told":          {sid, "", askedLease},
		"at once":           {sid, "Second-0", shortestTerm},
		"for ever":          {sid, "Second-999999999", longestTerm},
		"too many digits":   {sid, "Second-99999999999999999999", 0},
		"negative":          {sid, "Second--1", 0},
		"no identifier":     {"", "Second-1801", 0},
		"header injection":  {sid + "\r\nX: y", "Second-1801", 0},
		"endless":           {"uuid:" + strings.Repeat("a", 200), "Second-1801", 0},
		"not an identifier": {"<script>", "Second-1801", 0},
	} {
		got, lasts, err := parseSubscription(tt.sid, tt.timeout)
		if (err != nil) != (tt.lasts == 0) || lasts != tt.lasts || err == nil && got != tt.sid {
			t.Errorf("%s: %q for %v, %v", name, got, lasts, err)
		}
	}
}

const propertyset = "<e:propertyset xmlns:e=\"urn:schemas-upnp-org:event-1-0\">\n<e:property>\r\n<InsightParams>%s</InsightParams>\n</e:property>\n</e:propertyset>\n\n"

func TestEventsAreRead(t *testing.T) {
	var m meter
	got, err := m.Event(strings.NewReader(strings.Replace(propertyset, "%s", "8|1611105078|2607|0|12416|1209600|328|500|457600|69632638|9500", 1)))
	if want := (driver.Reading{Relay: driver.RelayStandby, Power: 500, HasPower: true, Total: 69632638, HasTotal: true}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for name, body := range map[string]string{
		"of another service": "<e:propertyset><e:property><BinaryState>1</BinaryState></e:property></e:propertyset>",
		"Error":              strings.Replace(propertyset, "%s", "Error", 1),
		"empty":              "",
	} {
		if got, err := m.Event(strings.NewReader(body)); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzParseSubscription(f *testing.F) {
	f.Add("uuid:7a59e192", "Second-1801")
	f.Fuzz(func(t *testing.T, sid, timeout string) {
		got, lasts, err := parseSubscription(sid, timeout)
		if err == nil && (strings.ContainsAny(got, "\r\n<> ") || lasts < shortestTerm || lasts > longestTerm) {
			t.Errorf("%q, %q: %q for %v", sid, timeout, got, lasts)
		}
	})
}
