package devices

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
	"github.com/wattgate/wattgate/devices/ssdp"
)

// A router gives the address of an unplugged plug to another one, which answers
// at the very next slot: not one of its readings may count as the old one's.
func TestAPlugThatTakesOverAnAddressIsNotRead(t *testing.T) {
	for name, cfg := range map[string]Config{
		"found by search": {Discover: true, Allow: []string{"A"}},
		"fixed address":   {Addresses: []string{"10.0.0.1:49153"}, Allow: []string{"A"}},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func(t *testing.T, w *world) {
				w.put("10.0.0.1:49153", "A")
				w.announce("10.0.0.1:49153", "A")
				f := w.run(t, Options{Config: cfg})
				sleep(5 * time.Second)
				w.set(func() { w.answers = nil })
				b := w.put("10.0.0.1:49153", "B")
				w.set(func() { b.reading.Power, b.reading.Total = 1, 123_456_789 })
				for range 60 {
					sleep(500 * time.Millisecond)
					if s := f.Sample(time.Now()); len(s) != 1 || s[0].Known && s[0].Power != 100_000 {
						t.Fatalf("B's reading passes for A's: %+v", s)
					}
				}
				if total, _ := f.Energy(); total != 10_000 {
					t.Errorf("B's energy was counted: %d mWh", total)
				}
			})
		})
	}
}

// Without a counter to tell two plugs apart it takes minutes, not for ever.
func TestAPlugWithoutACounterSaysWhoItIsFromTimeToTime(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		bare := driver.Reading{Relay: RelayOn, Power: 5000, HasPower: true}
		a := w.put("10.0.0.1:49153", "A")
		w.set(func() { a.reading = bare })
		f := w.run(t, Options{Config: Config{Addresses: []string{"10.0.0.1:49153"}, Allow: []string{"A"}}})
		sleep(5 * time.Second)
		b := w.put("10.0.0.1:49153", "B")
		w.set(func() { b.reading = bare })
		sleep(namedFor + 5*time.Second)
		if s := f.Sample(time.Now()); s[0].Known {
			t.Errorf("B passes for A after %v: %+v", namedFor, s)
		}
	})
}

func TestAPlugThatWasResetIsAskedOnceAndCounts(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		a := w.put("10.0.0.1:49153", "A")
		f := w.run(t, Options{Config: Config{Addresses: []string{"10.0.0.1:49153"}}})
		sleep(5 * time.Second)
		var asked int
		w.set(func() { asked, a.reading.Total = w.asked, 0 })
		sleep(30 * time.Second)
		w.set(func() {
			if w.asked != asked+1 {
				t.Errorf("asked %d times who it is", w.asked-asked)
			}
		})
		if x := f.only(t); x.Health != Online || x.Failed != 0 || x.Missed != 0 {
			t.Errorf("%+v", x)
		}
	})
}

func TestWhoAnswersMustBeWhoHeSays(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		w.put("10.0.0.1:49153", "OTHER")
		w.announce("10.0.0.1:49153", "A") // "A lives there": it does not
		f := w.run(t, Options{Config: discover})
		sleep(10 * time.Minute)
		x := f.only(t)
		if x.Health != Discovered || x.Serial != "" || x.Problem != errOtherPlug.Error() {
			t.Errorf("%+v", x)
		}
		if s := f.Sample(time.Now()); len(s) != 0 {
			t.Errorf("it counts: %+v", s)
		}
	})
}

func notice(addr, serial string, bye bool) ssdp.Notice {
	a := ssdp.Answer{UDN: "uuid:" + serial}
	if !bye {
		a.At = driver.Location{Addr: netip.MustParseAddrPort(addr), Path: "/setup.xml"}
	}
	return ssdp.Notice{Answer: a, Bye: bye}
}

func TestAForgedByebyeChangesNothing(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		p := w.put("10.0.0.1:49153", "A")
		w.announce("10.0.0.1:49153", "A")
		f := w.run(t, Options{Config: discover})
		sleep(5 * time.Second)
		var asked int
		w.set(func() { p.reads, asked = nil, w.asked })
		for range 60 {
			for range 200 {
				w.hear(notice("", "A", true))
			}
			sleep(time.Second)
		}
		w.set(func() {
			if n := len(p.reads); n != 120 {
				t.Errorf("read %d times in the minute of the flood", n)
			}
			if n := w.asked - asked; n < 1 || n > 3 {
				t.Errorf("asked %d times who it is", n)
			}
		})
		if x := f.only(t); x.Health != Online || x.Failed != 0 {
			t.Errorf("%+v", x)
		}
	})
}

func TestAnAnnouncementIsAHint(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		f := w.run(t, Options{Config: discover})
		sleep(5 * time.Second)
		w.put("10.0.0.1:49153", "A")
		w.hear(notice("10.0.0.1:49153", "A", false))
		w.hear(notice("10.0.0.2:49153", "LIAR", false))
		sleep(2 * time.Second)
		for _, x := range f.Plugs() {
			if x.Serial == "A" != (x.Health == Online) {
				t.Errorf("%+v", x)
			}
		}
		// A network that is plugged in is searched at once.
		w.put("10.0.0.3:49153", "C")
		w.announce("10.0.0.3:49153", "C")
		w.changed()
		sleep(3 * time.Second)
		if s := f.Sample(time.Now()); len(s) != 2 || !s[1].Known {
			t.Errorf("%+v", s)
		}
	})
}

func TestAPlugThatIsNotReadIsLookedAfter(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		w.put("10.0.0.1:49153", "A")
		c := w.put("10.0.0.3:49153", "C")
		w.set(func() { c.bare = true })
		w.announce("10.0.0.1:49153", "A") // C's address is fixed
		f := w.run(t, Options{Config: Config{Discover: true, Addresses: []string{"10.0.0.3:49153"}, Allow: []string{"B"}}})
		health := func() (a, c Health) {
			for _, x := range f.Plugs() {
				switch x.Serial {
				case "A":
					a = x.Health
				case "C":
					c = x.Health
				}
			}
			return a, c
		}
		sleep(30 * time.Minute)
		if a, c := health(); a != Verified || c != Unmetered {
			t.Errorf("both are there: %v, %v", a, c)
		}
		var gone map[netip.AddrPort]*fakePlug
		w.set(func() { gone, w.plugs, w.answers = w.plugs, nil, nil })
		sleep(10 * time.Minute)
		if a, c := health(); a != Unreachable || c != Unreachable {
			t.Errorf("both are gone: %v, %v", a, c)
		}
		w.set(func() { w.plugs = gone })
		sleep(3 * time.Minute)
		if a, c := health(); a != Verified || c != Unmetered {
			t.Errorf("both are back: %v, %v", a, c)
		}
	})
}

func TestAPlugGoneForADayIsForgottenUnlessNamed(t *testing.T) {
	for name, tt := range map[string]struct {
		allow []string
		left  int
	}{"all plugs count": {nil, 0}, "it is named": {[]string{"A"}, 1}} {
		t.Run(name, func(t *testing.T) {
			within(t, func(t *testing.T, w *world) {
				w.put("10.0.0.1:49153", "A")
				w.announce("10.0.0.1:49153", "A")
				f := w.run(t, Options{Config: Config{Discover: true, Allow: tt.allow}})
				sleep(5 * time.Second)
				var gone map[netip.AddrPort]*fakePlug
				w.set(func() { gone, w.plugs, w.answers = w.plugs, nil, nil })
				sleep(goneAfter - time.Hour)
				if s := f.Sample(time.Now()); len(s) != 1 || s[0].Known {
					t.Errorf("a plug missing for hours is expected: %+v", s)
				}
				sleep(2 * time.Hour)
				if s := f.Sample(time.Now()); len(s) != tt.left || len(f.Plugs()) != tt.left {
					t.Errorf("after a day %d are expected: %+v", tt.left, s)
				}
				if total, _ := f.Energy(); total != 10_000 {
					t.Errorf("its energy went with it: %d", total)
				}
				w.set(func() { w.plugs = gone })
				w.announce("10.0.0.1:49153", "A")
				sleep(2 * time.Minute)
				if s := f.Sample(time.Now()); len(s) != 1 || !s[0].Known || s[0].Energy != 10_000 {
					t.Errorf("it is back: %+v", s)
				}
			})
		})
	}
}

func TestAPlugThatNoLongerCountsHasNoStaleState(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		p := w.put("10.0.0.1:49153", "A")
		w.announce("10.0.0.1:49153", "A")
		f := w.run(t, Options{Config: discover})
		sleep(5 * time.Second)
		f.Apply(Config{Discover: true, Allow: []string{"B"}})
		sleep(time.Second)
		if x := f.only(t); x.Health != Verified || x.Allowed {
			t.Errorf("%+v", x)
		}
		w.set(func() { p.reads = nil })
		sleep(time.Minute)
		w.set(func() {
			if len(p.reads) != 0 {
				t.Error("still read")
			}
		})
	})
}

// Ten thousand plugs that do not exist, each announced and answering searches,
// cost a bounded amount of memory.
func TestMemoryStaysFlatUnderFakes(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		var fakes []ssdp.Notice
		for i := range 10_000 {
			addr, serial := fmt.Sprintf("10.%d.%d.1:49153", i/250, i%250), fmt.Sprint("FAKE", i)
			if i%2 == 0 {
				p := w.put(addr, serial)
				p.bare = true
			}
			if i < 500 { // a search returns 512 answers at most
				w.announce(addr, serial)
			}
			fakes = append(fakes, notice(addr, serial, i%3 == 0))
		}
		f := w.run(t, Options{Config: Config{Discover: true, Allow: []string{"MINE"}}})
		sleep(time.Second)
		before := heap()
		for range 60 {
			for _, n := range fakes {
				w.hear(n)
			}
			sleep(time.Second)
		}
		if grown := int64(heap()) - int64(before); grown > 2<<20 {
			t.Errorf("%d plugs kept, %d bytes more than before", len(f.Plugs()), grown)
		} else {
			t.Logf("%d plugs kept, %d KiB more than before", len(f.Plugs()), grown>>10)
		}
	})
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
