package shelly

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"

	"github.com/wattgate/wattgate/devices/driver"
	"github.com/wattgate/wattgate/devices/guard"
)

// maxAnswer bounds an answer in bytes; those to the two calls have 300 to 700.
const maxAnswer = 16 << 10

// errPassword is a plug that does not answer strangers.
var errPassword = errors.New("the plug wants a password: switch its authentication off to have it read")

// Brand is Shelly, from the second generation on.
type Brand struct{}

// Name returns "shelly".
func (Brand) Name() string { return "shelly" }

// Ports returns where a Shelly listens.
func (Brand) Ports() []uint16 { return []uint16{80} }

// Describe asks who lives at at. The meter is nil for a plug without one.
func (Brand) Describe(ctx context.Context, at driver.Location) (driver.Identity, driver.Meter, error) {
	ctx, cancel := context.WithTimeout(ctx, guard.TotalTimeout)
	defer cancel()
	var info Info
	err := call(ctx, at.Addr, "Shelly.GetDeviceInfo", func(r io.Reader) (err error) {
		info, err = ParseInfo(r)
		return err
	})
	if err != nil {
		return driver.Identity{}, nil, err
	}
	if info.Protected {
		return driver.Identity{}, nil, errPassword
	}
	m := &meter{at.Addr}
	r, err := m.Read(ctx)
	var status guard.StatusError
	switch {
	case errors.As(err, &status): // it has no switch
		return info.Identity(), nil, nil
	case err != nil:
		return driver.Identity{}, nil, err
	case !r.HasPower:
		return info.Identity(), nil, nil
	}
	return info.Identity(), m, nil
}

// meter reads the first switch of one plug.
type meter struct{ addr netip.AddrPort }

// Read asks once.
func (m *meter) Read(ctx context.Context) (driver.Reading, error) {
	var reading driver.Reading
	err := call(ctx, m.addr, "Switch.GetStatus?id=0", func(r io.Reader) (err error) {
		reading, err = ParseStatus(r)
		return err
	})
	return reading, err
}

func call(ctx context.Context, addr netip.AddrPort, method string, parse func(io.Reader) error) error {
	r := guard.Request{Method: http.MethodGet, Path: "/rpc/" + method, Limit: maxAnswer}
	return guard.Do(ctx, addr, r, func(resp *http.Response) error {
		switch resp.StatusCode {
		case http.StatusOK:
			return parse(resp.Body)
		case http.StatusUnauthorized:
			return errPassword
		}
		return guard.StatusError(resp.StatusCode)
	})
}
