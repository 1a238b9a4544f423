package ssdp

import (
	"net/netip"
	"strings"
	"testing"
)

const alive = "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age=86400\r\nLOCATION: http://192.168.1.100:49153/setup.xml\r\n" +
	"SERVER: Unspecified, UPnP/1.0, Unspecified\r\nNT: urn:Belkin:device:insight:1\r\nNTS: ssdp:alive\r\nUSN: uuid:Insight-1_0-231400::urn:Belkin:device:insight:1\r\n\r\n"

func TestParseNotice(t *testing.T) {
	home := netip.MustParsePrefix("192.168.1.7/24")
	bye := strings.Replace(alive, "ssdp:alive", "ssdp:byebye", 1)
	for name, tt := range map[string]struct{ from, datagram, want string }{
		"alive":                    {"192.168.1.100", alive, "uuid:Insight-1_0-231400 192.168.1.100:49153/setup.xml"},
		"without its last line":    {"192.168.1.100", strings.TrimSpace(alive), "uuid:Insight-1_0-231400 192.168.1.100:49153/setup.xml"},
		"byebye":                   {"192.168.1.100", bye, "uuid:Insight-1_0-231400 leaves"},
		"somebody else's location": {"192.168.1.66", alive, ""},
		"another network":          {"10.0.0.1", bye, ""},
		"a television":             {"192.168.1.100", strings.ReplaceAll(alive, "urn:Belkin:device:insight:1", "urn:schemas-upnp-org:device:MediaRenderer:1"), ""},
		"an answer":                {"192.168.1.100", strings.Replace(alive, "NOTIFY * HTTP/1.1", "HTTP/1.1 200 OK", 1), ""},
		"a search":                 {"192.168.1.100", strings.Replace(alive, "NOTIFY", "M-SEARCH", 1), ""},
		"update":                   {"192.168.1.100", strings.Replace(alive, "ssdp:alive", "ssdp:update", 1), ""},
		"byebye of nobody":         {"192.168.1.100", strings.Replace(bye, "uuid:", "", 1), ""},
		"nothing":                  {"192.168.1.100", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := parseNotice([]byte(tt.datagram), netip.MustParseAddr(tt.from), home, []string{target})
			got := n.UDN + " " + n.At.String()
			if n.Bye {
				got = n.UDN + " leaves"
			}
			if (err != nil) != (tt.want == "") || err == nil && got != tt.want {
				t.Errorf("got %s, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func FuzzParseNotice(f *testing.F) {
	f.Add([]byte(alive))
	home, from := netip.MustParsePrefix("192.168.1.7/24"), netip.MustParseAddr("192.168.1.100")
	f.Fuzz(func(t *testing.T, datagram []byte) {
		n, err := parseNotice(datagram, from, home, []string{target})
		if err == nil && (!n.Bye && n.At.Addr.Addr() != from || !udnForm.MatchString(n.UDN)) {
			t.Errorf("accepted %+v", n)
		}
	})
}
