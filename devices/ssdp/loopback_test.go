package ssdp

import (
	"context"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/wattgate/wattgate/devices/devicestest"
)

const target = "urn:Belkin:device:insight:1"

// loopback returns the loopback interface as something to search.
func loopback(t *testing.T) Interface {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, ifi := range all {
		if ifi.Flags&net.FlagLoopback == 0 {
			continue
		}
		if found, err := Interfaces(ifi.Name); err == nil {
			return found[0]
		}
	}
	t.Skip("SKIPPED: no loopback interface with an IPv4 address")
	return Interface{}
}

// Both ways of searching find the same plug: by the library, and without it
// where there is no route for multicast.
func TestBothWaysOfSearchingFindAPlug(t *testing.T) {
	lo := loopback(t)
	p := devicestest.New(devicestest.Options{Seed: time.Now().UnixNano()})
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for name, search := range map[string]func(context.Context, Interface, string) ([]Answer, error){"library": searchOne, "direct": searchDirect} {
		answers, err := search(t.Context(), lo, target)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.ContainsFunc(answers, func(a Answer) bool { return a.UDN == p.UDN() && a.At.Addr == p.Addr() }) {
			t.Errorf("%s: %s is not among %v", name, p.UDN(), answers)
		}
	}
}

func TestCancelledSearchDoesNotBegin(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := time.Now()
	if _, err := Search(ctx, loopback(t).Name, []string{target}); err == nil {
		t.Error("it succeeded")
	}
	if d := time.Since(began); d > wait*time.Second {
		t.Errorf("it took %v", d)
	}
}

// Whoever answers without the library in between must live where it says.
func TestLocationMustBeTheSender(t *testing.T) {
	lo := loopback(t)
	gateway, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer gateway.Close()
	plug, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, gateway.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer plug.Close()
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nLOCATION: http://127.0.0.2:1/setup.xml\r\nUSN: uuid:elsewhere\r\n\r\n",
		"HTTP/1.1 200 OK\r\nLOCATION: http://127.0.0.1:1/setup.xml\r\nUSN: uuid:honest\r\n", // without its last line end
		"NOTIFY * HTTP/1.1\r\n\r\n",
		"\x00",
	} {
		if _, err := plug.Write([]byte(answer)); err != nil {
			t.Fatal(err)
		}
	}
	got := collect(gateway, lo)
	if len(got) != 1 || got[0].UDN != "uuid:honest" {
		t.Errorf("accepted %v", got)
	}
}
