package daemon

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/wattgate/wattgate/daemon/config"
)

func TestEndpoint(t *testing.T) {
	for _, tt := range []struct{ listen, host, want string }{
		{"0.0.0.0:1883", "", ""}, // nobody knows under which of its addresses
		{"[::]:1883", "", ""},
		{":1883", "", ""},
		{"", "", ""},
		{"", "gw.example", ""},
		{"gw.example", "gw.example", ""},
		{"0.0.0.0:0", "gw.example", ""}, // nobody knows which port
		{"192.0.2.7:1883", "", "mqtt://192.0.2.7:1883"},
		{"[2001:db8::7]:1883", "", "mqtt://[2001:db8::7]:1883"},
		{"0.0.0.0:1883", "gw.example", "mqtt://gw.example:1883"},
		{"192.0.2.7:11883", "gw.example", "mqtt://gw.example:11883"},
		{"0.0.0.0:1883", "2001:db8::7", "mqtt://[2001:db8::7]:1883"},
	} {
		if got := endpoint("mqtt://", tt.listen, tt.host); got != tt.want {
			t.Errorf("listening on %q as %q: %q, want %q", tt.listen, tt.host, got, tt.want)
		}
	}
}

func TestOfferNamesWhatListens(t *testing.T) {
	c := config.Default()
	c.Public.Host = "gw.example"
	if got := endpoints(c); got.MQTT != "mqtt://gw.example:1883" || got.HTTP != "http://gw.example:8080" {
		t.Errorf("%+v", got)
	}
	c.Broker.Listen = ""
	if got := endpoints(c); got.MQTT != "" || got.HTTP == "" {
		t.Errorf("without MQTT: %+v", got)
	}
}

func TestListsAreReadToTheirEnd(t *testing.T) {
	all := []int64{2, 3, 5, 7, 11}
	page := func(_ context.Context, after int64) (out []int64, err error) {
		for _, n := range all {
			if n > after && len(out) < 2 {
				out = append(out, n)
			}
		}
		return out, nil
	}
	same := func(n int64) int64 { return n }
	if got, err := pages(t.Context(), page, same); err != nil || !slices.Equal(got, all) {
		t.Errorf("%v %v, want %v", got, err, all)
	}
	broken := errors.New("disk")
	failing := func(context.Context, int64) ([]int64, error) { return nil, broken }
	if _, err := pages(t.Context(), failing, same); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
