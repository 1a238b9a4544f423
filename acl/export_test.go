package acl

import "os"

// LoseSignals makes the gate's next n signals vanish, as Mosquitto 2.0 loses a
// SIGHUP that arrives during a reload.
func (g *Gate) LoseSignals(n int) {
	g.kill = func(pid int, sig os.Signal) error {
		if n--; n >= 0 {
			return nil
		}
		return g.signal(pid, sig)
	}
}
