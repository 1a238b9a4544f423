package devices_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/wattgate/wattgate/devices"
	"github.com/wattgate/wattgate/devices/devicestest"
	"github.com/wattgate/wattgate/devices/shelly/shellytest"
)

// These tests use real multicast and real HTTP on the loopback interface. Other
// programs on this machine may simulate plugs too, so only our serials count.

func simulate(t *testing.T, o devicestest.Options) *devicestest.Plug {
	t.Helper()
	p := devicestest.New(o)
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func run(t *testing.T, cfg devices.Config) *devices.Fleet {
	t.Helper()
	f := devices.New(devices.Options{Config: cfg})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(3 * time.Second):
			t.Error("Run did not end within 3 s")
		}
	})
	return f
}

// eventually polls until ok, and fails the test after limit.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > limit {
			t.Fatalf("%s: not within %v", what, limit)
		}
		<-time.After(10 * time.Millisecond)
	}
	return time.Since(began)
}

// serial is of this process alone: its tests may run twice at a time.
func serial(i int) string { return fmt.Sprintf("LO%dX%d", os.Getpid(), i) }

func TestPlugsOnTheNetworkAreReadWithinThreeSeconds(t *testing.T) {
	var allow []string
	for i := range 3 {
		simulate(t, devicestest.Options{Serial: serial(i), Seed: int64(i)})
		allow = append(allow, serial(i))
	}
	simulate(t, devicestest.Options{Serial: serial(9), Seed: 9})
	f := run(t, devices.Config{Discover: true, Interface: "lo", Allow: allow})
	took := eventually(t, 3*time.Second, "three plugs read", func() bool {
		s := f.Sample(time.Now())
		return len(s) == 3 && !slices.ContainsFunc(s, func(s devices.Sample) bool { return !s.Known })
	})
	t.Logf("from start to three current readings: %v", took)
	for _, p := range f.Plugs() {
		if p.Allowed && (p.Health != devices.Online || p.Model != "Insight" || !p.Last.HasEnergy) {
			t.Errorf("%+v", p)
		}
	}
}

func TestFaultsOfOnePlugStayItsOwn(t *testing.T) {
	t.Parallel()
	good := simulate(t, devicestest.Options{Serial: serial(20), Silent: true})
	bad := simulate(t, devicestest.Options{Serial: serial(21), Silent: true})
	f := run(t, devices.Config{Addresses: []string{good.Addr().String(), bad.Addr().String()}})
	health := func(serial string) (p devices.Plug) {
		for _, x := range f.Plugs() {
			if x.Serial == serial {
				p = x
			}
		}
		return p
	}
	eventually(t, 3*time.Second, "both online", func() bool {
		return health(good.Serial()).Health == devices.Online && health(bad.Serial()).Health == devices.Online
	})
	for _, fault := range []devicestest.Fault{{Refuse: true}, {Redirect: "http://" + good.Addr().String() + "/setup.xml"}} {
		if err := bad.Break(fault); err != nil {
			t.Fatal(err)
		}
		eventually(t, 5*time.Second, "lost", func() bool { return health(bad.Serial()).Health == devices.Unreachable })
		if err := bad.Break(devicestest.Fault{}); err != nil {
			t.Fatal(err)
		}
		eventually(t, 4*time.Second, "regained", func() bool { return health(bad.Serial()).Health == devices.Online })
	}
	if g := health(good.Serial()); g.Failed != 0 || g.Health != devices.Online {
		t.Errorf("the good plug suffered: %+v", g)
	}
}

func TestBrandsAreReadSideBySide(t *testing.T) {
	t.Parallel()
	a := simulate(t, devicestest.Options{Serial: serial(70), Silent: true})
	b := shellytest.Start("A8032ABE54DC", shellytest.State{On: true, PowerW: 8.9, EnergyWh: 6.532})
	defer b.Close()
	f := run(t, devices.Config{Addresses: []string{a.Addr().String(), b.Addr().String()}, Events: true})
	eventually(t, 5*time.Second, "both read", func() bool {
		s := f.Sample(time.Now())
		return len(s) == 2 && s[0].Known && s[1].Known
	})
	for _, p := range f.Plugs() {
		if p.Serial == b.Serial() && (p.Brand != "shelly" || p.Last.Power != 8900 || p.Last.Energy != 6532 || p.Problem != "") {
			t.Errorf("%+v", p)
		}
	}
}

// Over real HTTP: a plug that sends events is hardly asked any more, and is asked
// again when they stop.
func TestEventsOverTheNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED events over the network: it takes 20 s")
	}
	t.Parallel()
	p := simulate(t, devicestest.Options{Serial: serial(50), Silent: true})
	f := run(t, devices.Config{Addresses: []string{p.Addr().String()}, Events: true})
	eventually(t, 10*time.Second, "events", func() bool { return p.Subscribers() == 1 && f.Plugs()[0].Events })
	asked := p.Asked()
	<-time.After(8 * time.Second)
	if n := p.Asked() - asked; n > 8 {
		t.Errorf("asked %d times in 8 s with events", n)
	}
	if x := f.Plugs()[0]; x.Health != devices.Online || !x.Last.Known || x.Problem != "" {
		t.Errorf("%+v", x)
	}
	if err := p.Break(devicestest.Fault{Mute: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 15*time.Second, "events missed", func() bool { return !f.Plugs()[0].Events })
	asked = p.Asked()
	eventually(t, 5*time.Second, "asked again", func() bool { return p.Asked() > asked+4 })
}

// Whatever happens, nothing is ever asked of a plug that could change it.
func TestTheGatewayOnlyReads(t *testing.T) {
	t.Parallel()
	p := simulate(t, devicestest.Options{Serial: serial(80)})
	f := run(t, devices.Config{Discover: true, Interface: "lo", Addresses: []string{p.Addr().String()}, Allow: []string{p.Serial()}, Events: true})
	health := func(want devices.Health) func() bool {
		return func() bool {
			s := f.Plugs()
			return slices.ContainsFunc(s, func(x devices.Plug) bool { return x.Serial == p.Serial() && x.Health == want })
		}
	}
	eventually(t, 5*time.Second, "read", health(devices.Online))
	for _, fault := range []devicestest.Fault{{Params: "Error", Mute: true}, {Status: 500, Mute: true}, {Body: "<a", Mute: true}} {
		if err := p.Break(fault); err != nil {
			t.Fatal(err)
		}
		eventually(t, 20*time.Second, "lost", health(devices.Unreachable))
		if err := p.Break(devicestest.Fault{}); err != nil {
			t.Fatal(err)
		}
		eventually(t, 10*time.Second, "regained", health(devices.Online))
	}
	allowed := []string{"GET /setup.xml", "GET /Lightsetup.xml", "POST /upnp/control/insight1 GetInsightParams", "SUBSCRIBE /upnp/event/insight1", "UNSUBSCRIBE /upnp/event/insight1",
		"GET /rpc/Shelly.GetDeviceInfo"} // that it is no WeMo at a fixed address is only known when it has answered
	for kind, n := range p.Requests() {
		if !slices.Contains(allowed, kind) {
			t.Errorf("%q was asked %d times", kind, n)
		}
	}
}

func TestAnnouncementsAreHeard(t *testing.T) {
	t.Parallel()
	f := run(t, devices.Config{Discover: true, Interface: "lo", Allow: []string{serial(60)}})
	f.Plugs()
	p := simulate(t, devicestest.Options{Serial: serial(60), Silent: true}) // it answers no search
	eventually(t, 10*time.Second, "found by its announcement", func() bool {
		if err := p.Announce(false); err != nil {
			t.Fatal(err)
		}
		s := f.Sample(time.Now())
		return len(s) == 1 && s[0].Known
	})
	for range 50 {
		if err := p.Announce(true); err != nil {
			t.Fatal(err)
		}
	}
	<-time.After(time.Second)
	if s := f.Sample(time.Now()); len(s) != 1 || !s[0].Known {
		t.Errorf("a farewell alone lost the plug: %+v", s)
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	a := simulate(t, devicestest.Options{Serial: serial(30), Name: "found"})
	b := simulate(t, devicestest.Options{Serial: serial(31), Silent: true})
	const nobody = "127.0.0.1:1"
	got, err := devices.Scan(t.Context(), devices.Config{Discover: true, Interface: "lo", Addresses: []string{b.Addr().String(), nobody}, Allow: []string{a.Serial(), b.Serial()}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]devices.Plug{}
	for _, p := range got {
		seen[p.Address] = p
	}
	for _, p := range []*devicestest.Plug{a, b} {
		x := seen[p.Addr().String()]
		if x.Serial != p.Serial() || x.Health != devices.Online || !x.Last.Known {
			t.Errorf("%s: %+v", p.Serial(), x)
		}
	}
	if x := seen[nobody]; x.Health != devices.Discovered || x.Problem != "the plug refuses connections" {
		t.Errorf("nobody: %+v", x)
	}
	if _, err := devices.Scan(t.Context(), devices.Config{Discover: true, Interface: "nonesuch0"}, nil); err == nil {
		t.Error("a scan of an interface that is not there succeeded")
	}
}

// A fleet returns on time also in the middle of a search and of a request that
// hangs.
func TestRunEndsInTime(t *testing.T) {
	t.Parallel()
	p := simulate(t, devicestest.Options{Serial: serial(40), Silent: true})
	if err := p.Break(devicestest.Fault{Hang: true}); err != nil {
		t.Fatal(err)
	}
	f := devices.New(devices.Options{Config: devices.Config{Discover: true, Interface: "lo", Allow: []string{"none"}, Addresses: []string{p.Addr().String()}}})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := f.Run(ctx); err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("Run ended after %v", d)
	}
}
