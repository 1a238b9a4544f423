package devices

import (
	"context"

	"github.com/wattgate/wattgate/devices/driver"
	"github.com/wattgate/wattgate/devices/shelly"
	"github.com/wattgate/wattgate/devices/wemo"
)

// brands lists every brand the fleet can read. A new one is a line here and a
// folder of its own.
func brands() []brand {
	return []brand{
		wemo.Brand{},
		shelly.Brand{},
	}
}

// brand recognises the plugs of one maker.
type brand interface {
	Name() string

	// Describe asks who lives at at, within two seconds. The meter is nil for
	// a plug without one. It connects to at.Addr only.
	Describe(ctx context.Context, at driver.Location) (driver.Identity, driver.Meter, error)
}

// searchable is a brand whose plugs answer SSDP searches for these targets.
type searchable interface{ Targets() []string }

// wandering is a brand whose plugs listen on one of these ports and may change
// it when they restart; the most frequent comes first.
type wandering interface{ Ports() []uint16 }

// searchables returns the brands whose plugs answer searches: who answered one is
// not asked whether he is of another.
func searchables(bs []brand) []brand {
	var out []brand
	for _, b := range bs {
		if _, ok := b.(searchable); ok {
			out = append(out, b)
		}
	}
	return out
}

// targets returns what to search for, over all brands.
func targets(bs []brand) []string {
	var out []string
	for _, b := range bs {
		if s, ok := b.(searchable); ok {
			out = append(out, s.Targets()...)
		}
	}
	return out
}

// ports returns the ports of b, or none if it keeps to one.
func ports(b brand) []uint16 {
	if w, ok := b.(wandering); ok {
		return w.Ports()
	}
	return nil
}
