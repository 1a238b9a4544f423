package wemo

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
)

const captures = "../../../shared/captures/wemo"

// table reads a tab-separated table of recorded answers, each row as a map
// from column to value.
func table(t *testing.T, name string) []map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(captures, name))
	if err != nil {
		t.Skipf("SKIPPED %s: the recorded answers of real hardware are not here: %v", name, err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%s: %d rows, %v", name, len(rows), err)
	}
	var out []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, v := range row {
			m[rows[0][i]] = v
		}
		out = append(out, m)
	}
	return out
}

func str(n Number, form string, div float64) string {
	if !n.Known {
		return ""
	}
	return fmt.Sprintf(form, float64(n.N)/div)
}

func TestRecordedParametersGiveTheRecordedValues(t *testing.T) {
	for _, row := range table(t, "insight-params.tsv") {
		p, err := ParseInsight(row["raw"])
		if err != nil {
			t.Errorf("%s: %v", row["raw"], err)
			continue
		}
		got := map[string]string{
			"state":           p.Relay.String(),
			"relay_on":        strconv.FormatBool(p.Relay == driver.RelayOn || p.Relay == driver.RelayStandby),
			"standby":         strconv.FormatBool(p.Relay == driver.RelayStandby),
			"last_change_utc": time.Unix(p.LastChange.N, 0).UTC().Format(time.RFC3339),
			"on_for_s":        str(p.OnFor, "%.0f", 1),
			"on_today_s":      str(p.OnToday, "%.0f", 1),
			"on_total_s":      str(p.OnTotal, "%.0f", 1),
			"timespan_s":      str(p.Timespan, "%.0f", 1),
			"avg_w":           str(p.AverageW, "%.0f", 1),
			"power_w":         str(p.Power, "%.3f", 1e3),
			"today_kwh":       str(p.Today, "%.6f", 6e7),
			"total_kwh":       str(p.Total, "%.6f", 6e7),
			"threshold_w":     str(p.Threshold, "%.3f", 1e3),
		}
		for k, v := range got {
			if v != row[k] {
				t.Errorf("%s: %s = %q, recorded %q", row["raw"], k, v, row[k])
			}
		}
	}
}

func TestRecordedDescriptionsGiveTheRecordedValues(t *testing.T) {
	for _, row := range table(t, "setup-expected.tsv") {
		f, err := os.Open(filepath.Join(captures, row["file"]))
		if err != nil {
			t.Fatal(err)
		}
		d, err := ParseDescription(f)
		f.Close()
		if err != nil {
			t.Errorf("%s: %v", row["file"], err)
			continue
		}
		_, _, insight := d.Insight()
		got := map[string]string{
			"device_type": d.DeviceType, "friendly_name": d.FriendlyName, "model_name": d.ModelName,
			"model_description": d.ModelDescription, "serial": d.Serial, "udn": d.UDN, "mac": d.MAC,
			"firmware": d.Firmware, "binary_state": d.BinaryState,
			"services": strconv.Itoa(len(d.Services)), "has_insight": strconv.FormatBool(insight),
		}
		for k, v := range got {
			if v != row[k] {
				t.Errorf("%s: %s = %q, recorded %q", row["file"], k, v, row[k])
			}
		}
	}
}

func TestEveryRecordedMeterAnswerIsRead(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(captures, "pywemo/*/*_POST_GetInsightParams.xml"))
	if len(files) == 0 {
		t.Skip("SKIPPED: the recorded SOAP answers are not here")
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseAnswer(f, "InsightParams")
		f.Close()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := ParseInsight(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseInsight(t *testing.T) {
	on, off, standby, unknown := driver.RelayOn, driver.RelayOff, driver.RelayStandby, driver.RelayUnknown
	tests := []struct {
		name, raw string
		want      driver.Reading
		bad       bool
	}{
		{name: "11 fields", raw: "1|1|2|3|4|5|6|41400|7|480000000.000000|8000", want: driver.Reading{Relay: on, Power: 41400, HasPower: true, Total: 480000000, HasTotal: true}},
		{name: "10 fields, standby", raw: "8|1|2|3|4|5|6|500|7|8", want: driver.Reading{Relay: standby, Power: 500, HasPower: true, Total: 8, HasTotal: true}},
		{name: "8 fields: no energy is absent, not 0", raw: "1|1|2|3|4|5|6|500", want: driver.Reading{Relay: on, Power: 500, HasPower: true}},
		{name: "empty power is absent, not 0", raw: "1|1|2|3|4|5|6||7|8|9", want: driver.Reading{Relay: on, Total: 8, HasTotal: true}},
		{name: "total above 2^32", raw: "0|1|2|3|4|5|6|0|7|4294967300.5|9", want: driver.Reading{Relay: off, HasPower: true, Total: 4294967301, HasTotal: true}},
		{name: "line breaks around", raw: "\r\n 1|1|2|3|4|5|6|7|8|9|10\r\n", want: driver.Reading{Relay: on, Power: 7, HasPower: true, Total: 9, HasTotal: true}},
		{name: "unheard-of state", raw: "5|1|2|3|4|5|6|7|8|9|10", want: driver.Reading{Relay: unknown, Power: 7, HasPower: true, Total: 9, HasTotal: true}},
		{name: "nonsense in a field nobody needs", raw: "1|x|2|-3|4|5|wifi|7|8|9|?", want: driver.Reading{Relay: on, Power: 7, HasPower: true, Total: 9, HasTotal: true}},
		{name: "Error", raw: "Error", bad: true},
		{name: "empty", raw: "", bad: true},
		{name: "9 fields", raw: "1|1|2|3|4|5|6|7|8", bad: true},
		{name: "12 fields", raw: "1|1|2|3|4|5|6|7|8|9|10|11", bad: true},
		{name: "negative power", raw: "1|1|2|3|4|5|6|-7|8|9|10", bad: true},
		{name: "power of a village", raw: "1|1|2|3|4|5|6|100000001|8|9|10", bad: true},
		{name: "exponent", raw: "1|1|2|3|4|5|6|1e3|8|9|10", bad: true},
		{name: "overflow", raw: "1|1|2|3|4|5|6|7|8|99999999999999999999|10", bad: true},
		{name: "long", raw: strings.Repeat("1", 600) + "|1|2|3|4|5|6|7|8|9|10", bad: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := ParseInsight(tt.raw)
			if (err != nil) != tt.bad {
				t.Fatalf("error %v", err)
			}
			if got := p.Reading(); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

const envelope = "\ufeff" + `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` + "\r\n" +
	`<u:GetInsightParamsResponse xmlns:u="urn:Belkin:service:metainfo:1">` + "\r\n<InsightParams>%s</InsightParams>\r\n</u:GetInsightParamsResponse></s:Body> </s:Envelope>"

const fault = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring>` +
	`<detail><UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>401</errorCode><errorDescription>Invalid` + "\x09" + `Action</errorDescription></UPnPError></detail></s:Fault></s:Body></s:Envelope>`

func TestParseAnswer(t *testing.T) {
	got, err := ParseAnswer(strings.NewReader(fmt.Sprintf(envelope, "1|2")), "InsightParams")
	if err != nil || got != "1|2" {
		t.Errorf("BOM, CRLF and foreign namespace: %q, %v", got, err)
	}
	var f *Fault
	if _, err := ParseAnswer(strings.NewReader(fault), "InsightParams"); !errors.As(err, &f) || f.Code != "401" {
		t.Errorf("fault: %v", err)
	} else if s := f.Error(); s != "the plug refused (UPnP error 401 Invalid?Action)" {
		t.Errorf("fault reads %q", s)
	}
	hidden := strings.Replace(fault, "<detail>", "<detail><InsightParams>1|1|2|3|4|5|6|7|8|9|10</InsightParams>", 1)
	if _, err := ParseAnswer(strings.NewReader(hidden), "InsightParams"); !errors.As(err, &f) {
		t.Errorf("a reading inside a fault was taken: %v", err)
	}
	for name, body := range map[string]string{
		"empty":          "",
		"other answer":   "<a><b>1</b></a>",
		"not XML":        "Error",
		"entity bomb":    `<!DOCTYPE x [<!ENTITY a "aaaa">]><x><InsightParams>&a;</InsightParams></x>`,
		"after 16 KiB":   "<x>" + strings.Repeat(" ", maxSOAP) + "<InsightParams>1</InsightParams></x>",
		"cut in reading": fmt.Sprintf(envelope, "1|2")[:170],
	} {
		if got, err := ParseAnswer(strings.NewReader(body), "InsightParams"); err == nil {
			t.Errorf("%s: accepted as %q", name, got)
		}
	}
}

const description = "\ufeff" + `<?xml version="1.0"?><root xmlns="urn:Belkin:device-1-0"><device><deviceType>urn:Belkin:device:insight:1</deviceType>
<friendlyName>Fridge` + "\u202e\x1b" + `</friendlyName><serialNumber>2314</serialNumber><UDN>%s</UDN><macAddress>EC:1A:59:00:00:01</macAddress>
<serviceList><service><serviceType>urn:Belkin:service:insight:1</serviceType><controlURL>%s</controlURL></service></serviceList></device></root>`

func TestParseDescription(t *testing.T) {
	text := strings.ReplaceAll(description, "\x1b", "")
	d, err := ParseDescription(strings.NewReader(fmt.Sprintf(text, "uuid:Insight-1_0-2314", "/upnp/control/insight1")))
	if err != nil {
		t.Fatal(err)
	}
	want := driver.Identity{UDN: "uuid:Insight-1_0-2314", Serial: "2314", FriendlyName: "Fridge?", MAC: "ec1a59000001"}
	if got := d.Identity(); got != want {
		t.Errorf("identity %+v, want %+v", got, want)
	}
	if path, _, ok := d.Insight(); !ok || path != "/upnp/control/insight1" {
		t.Errorf("meter at %q, %v", path, ok)
	}
	for name, body := range map[string]string{
		"control character": fmt.Sprintf(description, "uuid:a", "/a"),
		"UDN with a blank":  fmt.Sprintf(text, "uuid:a b", "/a"),
		"UDN too long":      fmt.Sprintf(text, "uuid:"+strings.Repeat("a", 200), "/a"),
		"no UDN":            fmt.Sprintf(text, "", "/a"),
		"another maker":     strings.ReplaceAll(fmt.Sprintf(text, "uuid:a", "/a"), "urn:Belkin:device", "urn:Roku:device"),
		"endless":           "<root><device>" + strings.Repeat("<a/>", maxDescription),
		"deep":              strings.Repeat("<root>", maxDescription),
		"cut":               fmt.Sprintf(text, "uuid:a", "/a")[:300],
	} {
		if _, err := ParseDescription(strings.NewReader(body)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, path := range []string{"http://10.0.0.1/x", "//evil/x", "/a/../b", "/a?b", "", "upnp"} {
		d, err := ParseDescription(strings.NewReader(fmt.Sprintf(text, "uuid:a", path)))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, ok := d.Insight(); ok {
			t.Errorf("control path %q accepted", path)
		}
	}
}

func FuzzParseInsight(f *testing.F) {
	f.Add("1|1645800647|109676|80323|1196960|1209600|44|41400|30288361|483361410.000000|8000")
	f.Add("Error")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseInsight(s)
		if err != nil {
			return
		}
		if r := p.Reading(); r.Power < 0 || r.Power > maxPower || r.Total < 0 || r.Total > maxEnergy {
			t.Errorf("%q gives %+v", s, r)
		}
	})
}

func FuzzParseAnswer(f *testing.F) {
	f.Add(fmt.Sprintf(envelope, "1|2"))
	f.Add(fault)
	f.Fuzz(func(t *testing.T, s string) {
		var fault *Fault
		if _, err := ParseAnswer(strings.NewReader(s), "InsightParams"); errors.As(err, &fault) && len(fault.Error()) > 300 {
			t.Errorf("unbounded fault: %q", fault.Error())
		}
	})
}

func FuzzParseDescription(f *testing.F) {
	f.Add(fmt.Sprintf(description, "uuid:a", "/a"))
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDescription(strings.NewReader(s))
		if err != nil {
			return
		}
		id := d.Identity()
		for _, v := range []string{id.UDN, id.Serial, id.Model, id.Firmware, id.FriendlyName, id.MAC} {
			if v != driver.Clean(v) && v != id.UDN {
				t.Errorf("unclean %q", v)
			}
		}
	})
}
