// Package snap is what a process knows and may do inside a confined snap: where it lives, what its owner set, and as which
// user it runs. It knows nothing of a gateway and never writes a setting.
package snap
