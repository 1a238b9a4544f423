package shelly

import (
	"strings"
	"testing"

	"github.com/wattgate/wattgate/devices/driver"
	"github.com/wattgate/wattgate/devices/shelly/shellytest"
)

func TestTheSimulatedPlugIsRead(t *testing.T) {
	p := shellytest.Start("A8032ABE54DC", shellytest.State{On: true, PowerW: 36.1, EnergyWh: 1204.318})
	defer p.Close()
	id, meter, err := Brand{}.Describe(t.Context(), driver.Location{Addr: p.Addr()})
	want := driver.Identity{UDN: "shelly:shellyplusplugs-a8032abe54dc", Serial: "shellyplusplugs-a8032abe54dc", Model: "SNPL-00112EU", Firmware: "1.4.4", FriendlyName: "Kettle", MAC: "a8032abe54dc"}
	if err != nil || id != want || meter == nil {
		t.Fatalf("%+v, %v, %v", id, meter, err)
	}
	if r, err := meter.Read(t.Context()); err != nil || r != (driver.Reading{Relay: driver.RelayOn, Power: 36_100, HasPower: true, Total: 1_204_318 * 60, HasTotal: true}) {
		t.Errorf("%+v, %v", r, err)
	}
	p.Set(shellytest.State{})
	if r, err := meter.Read(t.Context()); err != nil || r != (driver.Reading{Relay: driver.RelayOff, HasPower: true, HasTotal: true}) {
		t.Errorf("%+v, %v", r, err)
	}
	p.Set(shellytest.State{Protected: true})
	if _, err := meter.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "password") {
		t.Error(err)
	}
	if _, _, err := (Brand{}).Describe(t.Context(), driver.Location{Addr: p.Addr()}); err == nil || !strings.Contains(err.Error(), "password") {
		t.Error(err)
	}
	p.Set(shellytest.State{Bare: true})
	if _, meter, err := (Brand{}).Describe(t.Context(), driver.Location{Addr: p.Addr()}); err != nil || meter != nil {
		t.Errorf("a plug without a meter: %v, %v", meter, err)
	}
}

func TestParseStatus(t *testing.T) {
	for name, tt := range map[string]struct {
		raw  string
		want driver.Reading
		bad  bool
	}{
		"on":                {raw: `{"output":true,"apower":8.9,"aenergy":{"total":6.532}}`, want: driver.Reading{Relay: driver.RelayOn, Power: 8900, HasPower: true, Total: 391_920, HasTotal: true}},
		"power null":        {raw: `{"output":true,"apower":null}`, want: driver.Reading{Relay: driver.RelayOn}},
		"no energy":         {raw: `{"output":false,"apower":0}`, want: driver.Reading{Relay: driver.RelayOff, HasPower: true}},
		"no state":          {raw: `{"apower":1}`, bad: true},
		"negative power":    {raw: `{"output":true,"apower":-3}`, bad: true},
		"power of a city":   {raw: `{"output":true,"apower":1e9}`, bad: true},
		"negative energy":   {raw: `{"output":true,"aenergy":{"total":-1}}`, bad: true},
		"power as a string": {raw: `{"output":true,"apower":"5"}`, bad: true},
		"not JSON":          {raw: `<html>`, bad: true},
		"after 16 KiB":      {raw: `{"x":"` + strings.Repeat("x", maxAnswer) + `","output":true}`, bad: true},
		"empty":             {raw: ``, bad: true},
	} {
		got, err := ParseStatus(strings.NewReader(tt.raw))
		if (err != nil) != tt.bad || got != tt.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestParseInfo(t *testing.T) {
	for name, raw := range map[string]string{
		"first generation": `{"type":"SHPLG-S","mac":"A8032ABE54DC","auth":false}`,
		"id with a blank":  `{"id":"a b","gen":2}`,
		"id with capitals": `{"id":"A","gen":2}`,
		"no id":            `{"gen":3}`,
		"a WeMo":           `<?xml version="1.0"?><root/>`,
	} {
		if info, err := ParseInfo(strings.NewReader(raw)); err == nil {
			t.Errorf("%s: %+v", name, info)
		}
	}
	info, err := ParseInfo(strings.NewReader(`{"id":"a","gen":3,"name":"\u001b[2J","mac":"x"}`))
	if id := info.Identity(); err != nil || id.FriendlyName != "?[2J" || id.MAC != "" {
		t.Errorf("%+v, %v", id, err)
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add(`{"output":true,"apower":8.9,"aenergy":{"total":6.532}}`)
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseStatus(strings.NewReader(s))
		if err == nil && (r.Power < 0 || r.Power > maxPower*1000 || r.Total < 0 || r.Total > maxEnergy*60_000) {
			t.Errorf("%q gives %+v", s, r)
		}
	})
}

func FuzzParseInfo(f *testing.F) {
	f.Add(`{"id":"shellyplusplugs-a8032abe54dc","gen":2,"name":"x"}`)
	f.Fuzz(func(t *testing.T, s string) {
		info, err := ParseInfo(strings.NewReader(s))
		if err != nil {
			return
		}
		id := info.Identity()
		for _, v := range []string{id.UDN, id.Serial, id.Model, id.Firmware, id.FriendlyName, id.MAC} {
			if v != driver.Clean(v) {
				t.Errorf("unclean %q", v)
			}
		}
	})
}
