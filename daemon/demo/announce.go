package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
)

// ready is the line `ready` of --json.
type ready struct {
	Ready bool   `json:"ready"`
	MQTT  string `json:"mqtt"`
	TLS   string `json:"tls"` // with the gateway's fingerprint, as buyers pin it
	Web   string `json:"web"`
	State string `json:"state"`
}

// startTime is how long a demo may take until it serves: a slow single-board computer needs a few seconds.
const startTime = 60 * time.Second

// announce waits until the gateway proved that the broker obeys and has heard its plugs, then says what to try.
func (d *demo) announce(ctx context.Context) error {
	fingerprint, err := d.awaitServing(ctx)
	if err != nil {
		return err
	}
	r := ready{
		Ready: true, MQTT: "mqtt://" + local(d.mqttPort), TLS: "mqtts://" + local(d.tlsPort) + "#" + fingerprint,
		Web: "http://" + local(d.webPort), State: d.dirs.State,
	}
	if d.JSON {
		return json.NewEncoder(d.Out).Encode(r)
	}
	money, wallet := "play money", "sandbox"
	if d.Node != "" {
		money, wallet = "a private network at "+d.Node, "stardust:FILE --node "+d.Node
	}
	_, err = fmt.Fprintf(d.Out, `ready

  %d simulated plugs, %s, state in %s

  Three things to try in another terminal:

    the free average:        mosquitto_sub -p %d -v -t 'sensor/#'
    buy an hour and watch:   %s buy %s --wallet %s --watch
    how it is doing:         %s status --state %s

  Ctrl-C ends it all.

`, d.Plugs, money, d.dirs.State, d.mqttPort, d.Program, r.TLS, wallet, d.Program, d.dirs.State)
	return err
}

func (d *demo) awaitServing(ctx context.Context) (fingerprint string, err error) {
	client := control.NewClient(d.dirs.ControlSocket())
	deadline := time.Now().Add(startTime)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error
	for time.Now().Before(deadline) {
		var st control.Status
		last = client.Get(ctx, "/v1/status", &st)
		if last == nil {
			if st.Serving() && st.Plugs.Expected == d.Plugs && st.Plugs.Current == d.Plugs {
				return st.Gateway, nil
			}
			last = fmt.Errorf("it is %s: %v", st.State, st.Reasons)
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-tick.C:
		}
	}
	return "", errors.Join(fmt.Errorf("the demo did not come up within %s", startTime), last)
}
