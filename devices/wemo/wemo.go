package wemo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"

	"github.com/wattgate/wattgate/devices/driver"
	"github.com/wattgate/wattgate/devices/guard"
)

// pathForm admits the descriptions of real devices (/setup.xml,
// /Lightsetup.xml) and of known emulators (/<uuid>/setup.xml), and nothing else:
// a forged search answer must not make the gateway fetch a stranger's URL.
var pathForm = regexp.MustCompile(`^(/[0-9a-f-]{36})?/[A-Za-z]{0,16}setup\.xml$`)

// Brand is WeMo.
type Brand struct{}

// Name returns "wemo".
func (Brand) Name() string { return "wemo" }

// Targets returns what to search for: what real Insights were seen to answer.
// "ssdp:all" they ignore.
func (Brand) Targets() []string {
	return []string{"urn:Belkin:device:insight:1", "urn:Belkin:service:basicevent:1"}
}

// Ports returns where a WeMo may listen, the most frequent first. It takes
// another one after some restarts.
func (Brand) Ports() []uint16 {
	return []uint16{49153, 49152, 49154, 49151, 49155, 49156, 49157, 49158, 49159}
}

// Describe asks who lives at at. The meter is nil for a plug without one. Where
// no path is given the old light switch's is tried too.
func (Brand) Describe(ctx context.Context, at driver.Location) (driver.Identity, driver.Meter, error) {
	if at.Path != "" {
		return describe(ctx, at)
	}
	at.Path = "/setup.xml"
	id, meter, err := describe(ctx, at)
	if status := guard.StatusError(0); errors.As(err, &status) {
		at.Path = "/Lightsetup.xml"
		id, meter, err = describe(ctx, at)
	}
	return id, meter, err
}

func describe(ctx context.Context, at driver.Location) (driver.Identity, driver.Meter, error) {
	if !pathForm.MatchString(at.Path) {
		return driver.Identity{}, nil, fmt.Errorf("cannot use description path %q: a WeMo's ends in setup.xml", driver.Clean(at.Path))
	}
	var d Description
	err := get(ctx, at.Addr, at.Path, func(r io.Reader) (err error) {
		d, err = ParseDescription(r)
		return err
	})
	if err != nil {
		return driver.Identity{}, nil, err
	}
	if control, events, ok := d.Insight(); ok {
		return d.Identity(), &meter{addr: at.Addr, control: control, events: events}, nil
	}
	return d.Identity(), nil, nil
}

// meter reads one Insight.
type meter struct {
	addr    netip.AddrPort
	control string // path
	events  string // path, "" = it offers none
}

// Read asks once.
func (m *meter) Read(ctx context.Context) (driver.Reading, error) {
	var reading driver.Reading
	err := call(ctx, m.addr, m.control, insightService, "GetInsightParams", func(r io.Reader) (err error) {
		reading, err = parseReading(r)
		return err
	})
	return reading, err
}

// parseReading takes a reading out of an answer or an event.
func parseReading(r io.Reader) (driver.Reading, error) {
	s, err := ParseAnswer(r, "InsightParams")
	if err != nil {
		return driver.Reading{}, err
	}
	p, err := ParseInsight(s)
	return p.Reading(), err
}
