package front_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/daemon/front"
)

func TestVisitorBehindTrustedProxies(t *testing.T) {
	f := newFront(t, front.Options{TrustedProxies: []string{"127.0.0.1", "::1", "10.0.0.0/8", "2001:db8:1::/48"}})
	for _, c := range []struct {
		peer string
		xff  []string
		want string
	}{
		{"203.0.113.9:5", nil, "203.0.113.9"},
		{"203.0.113.9:5", []string{"198.51.100.7"}, "203.0.113.9"}, // anyone can write the header
		{"127.0.0.1:5", nil, "127.0.0.1"},
		{"127.0.0.1:5", []string{"198.51.100.7"}, "198.51.100.7"},
		{"[::1]:5", []string{"2001:db8::7"}, "2001:db8::7"},
		{"[::ffff:127.0.0.1]:5", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{"127.0.0.1:5", []string{"1.1.1.1, 198.51.100.7"}, "198.51.100.7"}, // 1.1.1.1 is what the visitor claimed
		{"127.0.0.1:5", []string{"1.1.1.1, 198.51.100.7, 10.1.2.3"}, "198.51.100.7"},
		{"127.0.0.1:5", []string{"1.1.1.1,198.51.100.7", "10.1.2.3 , 10.0.0.1"}, "198.51.100.7"},
		{"127.0.0.1:5", []string{"10.1.2.3, 10.0.0.1"}, "10.1.2.3"}, // a visitor from inside
		{"127.0.0.1:5", []string{"198.51.100.7:4711"}, "198.51.100.7"},
		{"127.0.0.1:5", []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		{"127.0.0.1:5", []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"127.0.0.1:5", []string{"198.51.100.7, unknown, 10.0.0.1"}, "10.0.0.1"}, // behind what cannot be read nothing counts
		{"127.0.0.1:5", []string{"198.51.100.7, , 10.0.0.1"}, "10.0.0.1"},
		{"127.0.0.1:5", []string{""}, "127.0.0.1"},
		{"127.0.0.1:5", []string{"fe80::1%eth0"}, "127.0.0.1"},
		{"127.0.0.1:5", []string{"2001:db8::7]"}, "127.0.0.1"},
		{"[fe80::1%eth0]:5", nil, "fe80::1"},
		{"127.0.0.1:5", []string{"198.51.100.7" + strings.Repeat(", 10.0.0.1", 31)}, "198.51.100.7"},
		{"127.0.0.1:5", []string{"198.51.100.7" + strings.Repeat(", 10.0.0.1", 1000)}, "10.0.0.1"},
		{"@", []string{"198.51.100.7"}, "unix"},
	} {
		headers := []string{"Peer: " + c.peer}
		for _, line := range c.xff {
			headers = append(headers, "X-Forwarded-For: "+line)
		}
		if e := wantEcho(t, ask(f, "GET", "/api/x", headers...)); e.Addr != c.want {
			t.Errorf("%s with %.60q is %s, want %s", c.peer, c.xff, e.Addr, c.want)
		}
	}
}

func TestUnixSocketIsTrustedByItsWord(t *testing.T) {
	f := newFront(t, front.Options{TrustedProxies: []string{"unix"}})
	if e := wantEcho(t, ask(f, "GET", "/api/x", "Peer: @", "X-Forwarded-For: 198.51.100.7")); e.Addr != "198.51.100.7" {
		t.Errorf("%v", e)
	}
}

func TestVisitorsAreCountedByNetwork(t *testing.T) {
	f := newFront(t, front.Options{})
	for peer, want := range map[string]string{"203.0.113.9:5": "203.0.113.9", "[2001:db8:0:7:1::2]:5": "2001:db8:0:7::/64", "@": "unix"} {
		if e := wantEcho(t, ask(f, "GET", "/api/x", "Peer: "+peer)); e.Key != want {
			t.Errorf("%s counts as %s, want %s", peer, e.Key, want)
		}
	}
}

func TestOnlyTrustedProxiesSayHTTPS(t *testing.T) {
	f := newFront(t, front.Options{TrustedProxies: []string{"127.0.0.1"}})
	for _, c := range []struct {
		peer, proto string
		want        bool
	}{
		{"127.0.0.1:5", "https", true}, {"127.0.0.1:5", "HTTPS", true}, {"127.0.0.1:5", "wss", true}, {"127.0.0.1:5", "http", false},
		{"127.0.0.1:5", "https, http", false}, {"127.0.0.1:5", "http,https", true}, {"127.0.0.1:5", "", false},
		{"203.0.113.9:5", "https", false},
	} {
		if e := wantEcho(t, ask(f, "GET", "/api/x", "Peer: "+c.peer, "X-Forwarded-Proto: "+c.proto)); e.Secure != c.want {
			t.Errorf("%+v: %v", c, e.Secure)
		}
	}
	if e := wantEcho(t, ask(f, "GET", "https://a.example/api/x", "Peer: 203.0.113.9:5")); !e.Secure {
		t.Error("our own TLS is not seen")
	}
}

// Whatever a visitor writes in front of what the proxy appended, he stays who he is.
func FuzzNobodyChangesWhoHeIs(f *testing.F) {
	for _, s := range []string{"", "1.1.1.1", "1.1.1.1, ", ",,,", "10.0.0.1", "[::1]:5", "a\tb", "::ffff:10.0.0.1", "198.51.100.7,"} {
		f.Add(s)
	}
	h := newFront(f, front.Options{TrustedProxies: []string{"127.0.0.1", "10.0.0.0/8"}, Limits: front.Limits{Rate: 1e9, Burst: 1e9}})
	f.Fuzz(func(t *testing.T, lie string) {
		e := wantEcho(t, ask(h, "GET", "/api/x", "Peer: 127.0.0.1:5", "X-Forwarded-For: "+lie+", 198.51.100.7, 10.0.0.2"))
		if e.Addr != "198.51.100.7" {
			t.Errorf("%q makes him %s", lie, e.Addr)
		}
		// Alone, it is read to some address or not at all, never to a text that is no address.
		e = wantEcho(t, ask(h, "GET", "/api/x", "Peer: 127.0.0.1:5", "X-Forwarded-For: "+lie))
		if a, err := netip.ParseAddr(e.Addr); err != nil || a.Zone() != "" || a.Is4In6() {
			t.Errorf("%q is read as %q", lie, e.Addr)
		}
	})
}
