package wemo

import (
	"context"
	"fmt"
	"io"
	"regexp"

	"github.com/wattgate/wattgate/devices/driver"
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

// Describe asks who lives at at. The meter is nil for a plug without one.
func (Brand) Describe(ctx context.Context, at driver.Location) (driver.Identity, driver.Meter, error) {
	path := at.Path
	if path == "" {
		path = "/setup.xml"
	}
	if !pathForm.MatchString(path) {
		return driver.Identity{}, nil, fmt.Errorf("cannot use description path %q: a WeMo's ends in setup.xml", driver.Clean(path))
	}
	c := newClient(at.Addr)
	var d Description
	err := c.get(ctx, path, func(r io.Reader) (err error) {
		d, err = ParseDescription(r)
		return err
	})
	if err != nil {
		return driver.Identity{}, nil, err
	}
	if control, ok := d.Insight(); ok {
		return d.Identity(), &meter{client: c, path: control}, nil
	}
	return d.Identity(), nil, nil
}

// meter reads one Insight.
type meter struct {
	client *client
	path   string
}

// Read asks once.
func (m *meter) Read(ctx context.Context) (driver.Reading, error) {
	var reading driver.Reading
	err := m.client.call(ctx, m.path, insightService, "GetInsightParams", func(r io.Reader) error {
		s, err := ParseAnswer(r, "InsightParams")
		if err != nil {
			return err
		}
		p, err := ParseInsight(s)
		reading = p.Reading()
		return err
	})
	return reading, err
}
