//go:build linux

package nodetest

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/devices"
)

// serial is of this process alone: its tests may run twice at a time.
func serial() string { return fmt.Sprintf("NODE%d", os.Getpid()) }

// A client that nobody here wrote takes the simulated plug for a real one: it
// finds it, reads its meter and gets its events.
func TestWemoClientKnowsTheSimulatedPlug(t *testing.T) {
	mods := modules(t)
	here, there, searches := two(t)
	addr := started(t, again(here, "plug", "SERIAL="+serial(), "INTERFACE="+here.iface), 1)[0]
	args := []string{serial()}
	if !searches {
		args = append(args, "http://"+addr+"/setup.xml")
	}
	cmd := node(t, there, mods, "read.js", args...)
	kill := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer kill.Stop()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("wemo-client said:\n%s", out)
	var got struct {
		Found, Type, Error string
		Read, Event        struct{ State, Power, Today string }
	}
	for line := range strings.Lines(string(out)) {
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
	}
	if got.Found != "uuid:Insight-1_0-"+serial() || got.Type != "urn:Belkin:device:insight:1" || got.Error != "" {
		t.Errorf("found %+v", got)
	}
	if mw, err := strconv.Atoi(got.Read.Power); err != nil || mw <= 0 || got.Read.Today == "" || !strings.Contains("1 8", got.Read.State) {
		t.Errorf("read %+v", got.Read)
	}
	if mw, err := strconv.Atoi(got.Event.Power); searches && (err != nil || mw <= 0) {
		t.Errorf("event %+v", got.Event)
	}
}

// Emulators of plain switches are listed as plugs without a meter and do not
// upset the fleet, which reads a real plug beside them at its full rate.
func TestEmulatorsAreListedWithoutAMeter(t *testing.T) {
	mods := modules(t)
	here, there, searches := two(t)
	var at struct{ Wemore, Fauxmojs string }
	if err := json.Unmarshal([]byte(started(t, node(t, there, mods, "emulate.js", there.addr), 1)[0]), &at); err != nil {
		t.Fatal(err)
	}
	plug := started(t, again(there, "plug", "SERIAL="+serial(), "INTERFACE="+there.iface), 1)[0]
	env := []string{"INTERFACE=" + here.iface}
	if !searches {
		env = append(env, "ADDRESSES="+at.Wemore+","+plug)
	}
	out, err := again(here, "gateway", env...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var plugs []devices.Plug
	if err := json.Unmarshal(out, &plugs); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	found := map[string]devices.Plug{}
	for _, p := range plugs {
		found[p.Address] = p
		t.Logf("%s %q: %v, %.2f Hz, %s", p.Address, p.FriendlyName, p.Health, p.Rate, p.Problem)
	}
	if p := found[plug]; p.Health != devices.Online || p.Rate < 1.8 || p.Failed != 0 {
		t.Errorf("the real plug: %+v", p)
	}
	if p := found[at.Wemore]; p.Health != devices.Unmetered || p.FriendlyName != "wemore lamp" {
		t.Errorf("wemore: %+v", p)
	}
	if p := found[at.Fauxmojs]; searches && (p.Health != devices.Unmetered || p.FriendlyName != "faux lamp") {
		t.Errorf("fauxmojs: %+v", p)
	}
}
