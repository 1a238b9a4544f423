package wemo

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/devices/driver"
)

func TestOnlyDescriptionsAreFetched(t *testing.T) {
	for path, want := range map[string]bool{
		"/setup.xml":      true,
		"/Lightsetup.xml": true,
		"/a3a76f24-3308-4d15-8f14-ddd7ea5fb4ab/setup.xml": true,
		"/":                    false,
		"/cgi-bin/reboot":      false,
		"/setup.xml/../reboot": false,
		"/admin/setup.xml":     false,
		"/setup.xml\n":         false,
		"//evil/setup.xml":     false,
		"/setup.xmlx":          false,
	} {
		if got := pathForm.MatchString(path); got != want {
			t.Errorf("%q: %v", path, got)
		}
		if want {
			continue
		}
		// Refused before anything is sent: nobody listens there, and that is not the error.
		_, _, err := Brand{}.Describe(t.Context(), driver.Location{Addr: netip.MustParseAddrPort("127.0.0.1:1"), Path: path})
		if err == nil || !strings.Contains(err.Error(), "description path") {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestEmulatorsOfSwitchesAreUnmeteredPlugs(t *testing.T) {
	const emulated = `<root><device><deviceType>urn:Fauxmo:device:controllee:1</deviceType><friendlyName>faux</friendlyName>
<manufacturer>%s</manufacturer><UDN>uuid:Socket-1_0-a3a76f24</UDN></device></root>`
	d, err := ParseDescription(strings.NewReader(strings.Replace(emulated, "%s", "Belkin International Inc.", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, metered := d.Insight(); metered {
		t.Error("has a meter")
	}
	if _, err := ParseDescription(strings.NewReader(strings.Replace(emulated, "%s", "Roku", 1))); err == nil {
		t.Error("another maker's device is taken for a WeMo")
	}
}
