package buyer

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
)

const someFingerprint = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParseTarget(t *testing.T) {
	for raw, want := range map[string]Target{
		"mqtt://gw.example":                                      {Broker: "mqtt://gw.example:1883"},
		"mqtts://gw.example":                                     {Broker: "mqtts://gw.example:8883", TLS: true},
		"mqtt://gw.example:":                                     {Broker: "mqtt://gw.example:1883"},
		"mqtt://gw.example:11883/":                               {Broker: "mqtt://gw.example:11883"},
		"MQTTS://gw.example":                                     {Broker: "mqtts://gw.example:8883", TLS: true},
		"mqtt://127.0.0.1:1":                                     {Broker: "mqtt://127.0.0.1:1"},
		"mqtt://[2001:db8::1]":                                   {Broker: "mqtt://[2001:db8::1]:1883"},
		"mqtts://[2001:db8::1]:65535":                            {Broker: "mqtts://[2001:db8::1]:65535", TLS: true},
		"mqtt://gw.example#":                                     {Broker: "mqtt://gw.example:1883"},
		"mqtt://gw.example#" + someFingerprint:                   {Broker: "mqtt://gw.example:1883", Fingerprint: someFingerprint},
		"mqtt://gw.example/#" + strings.ToUpper(someFingerprint): {Broker: "mqtt://gw.example:1883", Fingerprint: someFingerprint},
	} {
		if got, err := ParseTarget(raw); err != nil || got != want {
			t.Errorf("%s: %+v %v, want %+v", raw, got, err, want)
		}
	}
}

// A URL that is read in another way than the buyer meant ends at another gateway.
func TestTargetsThatAreRefused(t *testing.T) {
	for raw, want := range map[string]string{
		"":                                     "mqtt:// or mqtts://",
		"gw.example":                           "mqtt:// or mqtts://",
		"gw.example:1883":                      "mqtt:// or mqtts://",
		"http://gw.example":                    "mqtt:// or mqtts://",
		"tcp://gw.example":                     "mqtt:// or mqtts://",
		"mqtt:gw.example":                      "write it like",
		"mqtt://":                              "write it like",
		"mqtt://:1883":                         "write it like",
		"mqtt://jane:pw@gw.example":            "write it like",
		"mqtt://gw.example/sensor":             "write it like",
		"mqtt://gw.example?x=1":                "write it like",
		"mqtt://gw.example:port":               "write it like",
		"mqtt://gw example":                    "write it like",
		"mqtt://gw.example\n":                  "write it like",
		"mqtt://[2001:db8::1":                  "write it like",
		"mqtt://gw#0123":                       "64 hexadecimal digits",
		"mqtt://gw#" + strings.Repeat("g", 64): "64 hexadecimal digits",
		"mqtt://gw#" + someFingerprint + "0":   "64 hexadecimal digits",
	} {
		got, err := ParseTarget(raw)
		if err == nil || got != (Target{}) || !strings.Contains(err.Error(), "cannot") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v %v, want %q", raw, got, err, want)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{
		"mqtt://gw.example", "mqtts://[2001:db8::1]:8883#" + someFingerprint, "mqtt://a:0", "mqtt://%41", "mqtt://x:1#", "//", "mqtt://\u00e9",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := ParseTarget(raw)
		if err != nil {
			if got != (Target{}) {
				t.Fatalf("%q: %+v beside the error %v", raw, got, err)
			}
			return
		}
		u, err := url.Parse(got.Broker)
		if err != nil {
			t.Fatalf("%q: the broker %q is no URL: %v", raw, got.Broker, err)
		}
		if port, err := strconv.Atoi(u.Port()); err != nil || port < 0 {
			t.Errorf("%q: port %q", raw, u.Port())
		}
		if u.Hostname() == "" || (u.Scheme == "mqtts") != got.TLS || (u.Scheme == "mqtt") == got.TLS || u.User != nil || u.Path+u.RawQuery+u.Fragment != "" {
			t.Errorf("%q: %+v", raw, got)
		}
		if n := len(got.Fingerprint); n != 0 && (n != 64 || got.Fingerprint != strings.ToLower(got.Fingerprint)) {
			t.Errorf("%q: fingerprint %q", raw, got.Fingerprint)
		}
		// The address is a key in the buyer's files: reading it again must give the same.
		again, err := ParseTarget(got.Broker + "#" + got.Fingerprint)
		if err != nil || again != got {
			t.Errorf("%q: %+v, read again %+v %v", raw, got, again, err)
		}
	})
}
