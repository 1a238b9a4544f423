package ssdp

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	home := netip.MustParsePrefix("192.168.1.7/24")
	const usn = "uuid:Insight-1_0-231400::urn:Belkin:device:insight:1"
	tests := []struct{ name, location, usn, want string }{
		{"a real answer", "http://192.168.1.100:49153/setup.xml", usn, "uuid:Insight-1_0-231400 192.168.1.100:49153/setup.xml"},
		{"a Maker's UDN has a tail", "http://192.168.1.100:49153/setup.xml", "uuid:Maker-1_0-1:sensor:switch::upnp:rootdevice", "uuid:Maker-1_0-1:sensor:switch 192.168.1.100:49153/setup.xml"},
		{"no port", "http://192.168.1.100/setup.xml", usn, "uuid:Insight-1_0-231400 192.168.1.100:80/setup.xml"},
		{"another network", "http://10.0.0.1:49153/setup.xml", usn, ""},
		{"this machine", "http://127.0.0.1:8080/setup.xml", usn, ""},
		{"a name", "http://router/setup.xml", usn, ""},
		{"IPv6", "http://[fe80::1]:49153/setup.xml", usn, ""},
		{"mapped IPv6", "http://[::ffff:192.168.1.100]:49153/setup.xml", usn, ""},
		{"https", "https://192.168.1.100:49153/setup.xml", usn, ""},
		{"file", "file:///etc/passwd", usn, ""},
		{"query", "http://192.168.1.1/reboot?now", usn, ""},
		{"user", "http://a:b@192.168.1.1/setup.xml", usn, ""},
		{"port 0", "http://192.168.1.1:0/setup.xml", usn, ""},
		{"no location", "", usn, ""},
		{"no USN", "http://192.168.1.100:49153/setup.xml", "", ""},
		{"USN with a line break", "http://192.168.1.100:49153/setup.xml", "uuid:a\nb", ""},
		{"endless USN", "http://192.168.1.100:49153/setup.xml", "uuid:" + strings.Repeat("a", 300), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := Parse(tt.location, tt.usn, home)
			got := a.UDN + " " + a.At.String()
			if tt.want == "" {
				if err == nil {
					t.Errorf("accepted as %s", got)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("got %s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("http://192.168.1.100:49153/setup.xml", "uuid:Insight-1_0-231400::upnp:rootdevice")
	home := netip.MustParsePrefix("192.168.1.7/24")
	f.Fuzz(func(t *testing.T, location, usn string) {
		a, err := Parse(location, usn, home)
		if err == nil && (!home.Contains(a.At.Addr.Addr()) || len(a.UDN) > 128 || len(a.At.Path) > 128) {
			t.Errorf("accepted %+v", a)
		}
	})
}

func TestDistinct(t *testing.T) {
	at := func(udn, addr string) Answer {
		a, err := Parse("http://"+addr+"/setup.xml", "uuid:"+udn, netip.MustParsePrefix("10.0.0.0/8"))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	got := distinct([]Answer{at("b", "10.0.0.2:1"), at("a", "10.0.0.1:1"), at("b", "10.0.0.2:1"), at("a", "10.0.0.1:2"), at("a", "10.0.0.1:1")})
	want := []Answer{at("a", "10.0.0.1:1"), at("a", "10.0.0.1:2"), at("b", "10.0.0.2:1")}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: got %v, want %v", i, got[i], want[i])
		}
	}
}

func TestOneHostIsNotAskedHundredsOfTimes(t *testing.T) {
	var answers []Answer
	for i := range 400 {
		a, err := Parse("http://10.0.0.66:"+strconv.Itoa(1000+i)+"/setup.xml", "uuid:fake"+strconv.Itoa(i), netip.MustParsePrefix("10.0.0.0/8"))
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	mine, err := Parse("http://10.0.0.7:49153/setup.xml", "uuid:zzz", netip.MustParsePrefix("10.0.0.0/8"))
	if err != nil {
		t.Fatal(err)
	}
	got := distinct(append(answers, mine))
	if len(got) != maxPerHost+1 || got[len(got)-1] != mine {
		t.Errorf("%d answers are left, the last is %v", len(got), got[len(got)-1])
	}
}

func TestInterfaces(t *testing.T) {
	ifs, err := Interfaces("")
	for _, i := range ifs {
		if i.Network.Addr().IsLoopback() {
			t.Errorf("loopback %s is searched without being named", i.Name)
		}
	}
	if err != nil {
		t.Logf("no usable interface here: %v", err)
	}
	if _, err := Interfaces("nonesuch0"); err == nil || !strings.Contains(err.Error(), "nonesuch0") {
		t.Errorf("missing interface: %v", err)
	}
}
