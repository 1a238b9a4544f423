// Package broker is what `wattgate broker` does: it prepares Mosquitto's directory, takes the lock by which the gateway
// finds the broker's pid, and becomes Mosquitto. It is gone once Mosquitto runs.
//
// A listener whose address cannot be had is left out, so that a port in use costs that port and nothing else; what
// listens and what does not is written to listeners.json beside mosquitto.conf, for `wattgate status`.
package broker
