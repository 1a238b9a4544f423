package devicestest_test

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/wattgate/wattgate/devices/devicestest"
	"github.com/wattgate/wattgate/devices/driver"
	"github.com/wattgate/wattgate/devices/ssdp"
	"github.com/wattgate/wattgate/devices/wemo"
)

func start(t *testing.T, o devicestest.Options) *devicestest.Plug {
	t.Helper()
	p := devicestest.New(o)
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func TestSearchOnLoopbackFindsEachPlug(t *testing.T) {
	seed := int64(os.Getpid()) << 8 // of this process alone: its tests may run twice at a time
	a := start(t, devicestest.Options{Seed: seed + 1})
	b := start(t, devicestest.Options{Seed: seed + 2})
	silent := start(t, devicestest.Options{Seed: seed + 3, Silent: true})

	answers, err := ssdp.Search(t.Context(), "lo", wemo.Brand{}.Targets())
	if err != nil {
		t.Fatal(err)
	}
	// Other plugs may live on this machine; they are not ours to count.
	found := map[string]netip.AddrPort{}
	for _, x := range answers {
		found[x.UDN] = x.At.Addr
	}
	for _, p := range []*devicestest.Plug{a, b} {
		if found[p.UDN()] != p.Addr() {
			t.Errorf("%s found at %v, lives at %v", p.UDN(), found[p.UDN()], p.Addr())
		}
	}
	if at, ok := found[silent.UDN()]; ok {
		t.Errorf("silent plug answered from %v", at)
	}
}

func TestDriverReadsWhatTheSimulatedPlugShows(t *testing.T) {
	p := start(t, devicestest.Options{Serial: "2314K0101", Name: `Fridge & "co"`, Seed: 7, Silent: true})
	id, meter, err := wemo.Brand{}.Describe(t.Context(), driver.Location{Addr: p.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	want := driver.Identity{UDN: p.UDN(), Serial: "2314K0101", Model: "Insight", Firmware: "WeMo_WW_2.00.11532.PVT-OWRT-InsightV2", FriendlyName: `Fridge & "co"`, MAC: "020000000007"}
	if id != want || meter == nil {
		t.Fatalf("identity %+v, meter %v", id, meter)
	}
	r, err := meter.Read(t.Context())
	if err != nil || !r.HasPower || !r.HasTotal || r.Total <= 0 {
		t.Fatalf("reading %+v, %v", r, err)
	}
	// The meter stands still between refreshes: at most 2.5 s old.
	current := false
	for back := time.Duration(0); back < 4*time.Second; back += 100 * time.Millisecond {
		current = current || devicestest.Curve(7, time.Now().Add(-back).Truncate(500*time.Millisecond)) == r.Power
	}
	if !current {
		t.Errorf("power %d is not on the curve", r.Power)
	}
	p.Switch(false)
	if r, err := meter.Read(t.Context()); err != nil || r.Relay != driver.RelayOff {
		t.Errorf("switched off: %+v, %v", r, err)
	}
}

func TestFaultsAreErrorsAndHeal(t *testing.T) {
	p := start(t, devicestest.Options{Seed: 8, Silent: true})
	victim := start(t, devicestest.Options{Seed: 9, Silent: true})
	_, meter, err := wemo.Brand{}.Describe(t.Context(), driver.Location{Addr: p.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]devicestest.Fault{
		"refuse":   {Refuse: true},
		"hang":     {Hang: true},
		"late":     {Delay: 3 * time.Second},
		"status":   {Status: 404},
		"body":     {Body: "Error"},
		"redirect": {Redirect: "http://" + victim.Addr().String() + "/setup.xml"},
	} {
		if err := p.Break(f); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		r, err := meter.Read(t.Context())
		if err == nil {
			t.Errorf("%s: read %+v", name, r)
		}
		if d := time.Since(began); d > 8*time.Second { // 2 s, and patience with a busy machine
			t.Errorf("%s: took %v", name, d)
		}
		t.Logf("%s: %v", name, err)
	}
	// Recorded hardware announces up to 21 bytes too many; that is no fault.
	for _, f := range []devicestest.Fault{{Surplus: 21}, {}} {
		if err := p.Break(f); err != nil {
			t.Fatal(err)
		}
		if _, err := meter.Read(t.Context()); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func TestCurveLooksLikeARefrigerator(t *testing.T) {
	at := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	for seed := range int64(20) {
		var low, high, n int
		for d := time.Duration(0); d < 2*time.Hour; d += 2 * time.Second {
			p := devicestest.Curve(seed, at.Add(d))
			if p != devicestest.Curve(seed, at.Add(d)) || p <= 0 || p > 300_000 || p%5 != 0 {
				t.Fatalf("seed %d at %v: %d mW", seed, d, p)
			}
			n++
			if p < 8000 {
				low++
			}
			if p > 60_000 {
				high++
			}
		}
		if low < n/4 || high < n/4 {
			t.Errorf("seed %d: %d of %d low, %d high", seed, low, n, high)
		}
	}
}
