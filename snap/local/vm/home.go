//go:build linux

package vm

import (
	"context"
	"fmt"
)

// The guest's home network: the guest has one end, the plugs live behind the other, in a network namespace of their own.
const (
	HomeInterface = "home0"        // the gateway's interface
	HomeAddress   = "192.168.77.1" // the gateway's
	PlugInterface = "home1"        // in the namespace
	PlugAddress   = "192.168.77.2"
	plugSpace     = "plugs"
)

// Home makes the home network. It is gone after a boot, like all that is plugged in by hand.
func (g *Guest) Home(ctx context.Context) error {
	_, err := g.Must(ctx, fmt.Sprintf(`set -e
ip netns add %[1]s
ip link add %[2]s type veth peer name %[3]s netns %[1]s
ip address add %[4]s/24 dev %[2]s
ip link set %[2]s up
ip -n %[1]s address add %[5]s/24 dev %[3]s
ip -n %[1]s link set lo up
ip -n %[1]s link set %[3]s up
ip -n %[1]s route add 224.0.0.0/4 dev %[3]s`, plugSpace, HomeInterface, PlugInterface, HomeAddress, PlugAddress))
	return err
}

// Unplug cuts the cable of the home network, or plugs it in again.
func (g *Guest) Unplug(ctx context.Context, out bool) error {
	state := "up"
	if out {
		state = "down"
	}
	_, err := g.Must(ctx, "ip link set "+HomeInterface+" "+state)
	return err
}

// Plug starts a simulated plug in the home network: program is a static wattgate of this machine, name the plug's for
// Printed and End, flags go to `wattgate simulate plug`.
func (g *Guest) Plug(ctx context.Context, program, name, flags string) error {
	const there = "/root/plug" // not the snap's own: the plug is another machine's
	if _, _, code, err := g.Run(ctx, "test -x "+there); err != nil {
		return err
	} else if code != 0 {
		if err := g.Put(ctx, program, there); err != nil {
			return err
		}
	}
	line := fmt.Sprintf("exec ip netns exec %s %s simulate plug --interface %s %s", plugSpace, there, PlugInterface, flags)
	return g.Background(ctx, name, Root, line)
}
