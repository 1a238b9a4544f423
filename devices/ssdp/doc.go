// Package ssdp searches the local network for UPnP devices and listens to what
// they announce. It reports where something claims to be and never connects
// there.
//
// Searching wraps github.com/koron/go-ssdp, whose Search has no context, waits
// whole seconds, chooses interfaces by a package variable and drops the sender's
// address. Therefore each search binds a socket to one interface's own address
// and leaves the choice of the interface to the system, which follows that
// address; and since the sender is unknown, a location counts only if it lies
// in the network of the interface that was searched. That the sender lives there
// himself would add little: on a local network a sender's address is as easily
// forged as a location. What counts is that whoever lives at the location calls
// himself, when asked there, by the name that the answer gave. On a machine
// without any route for multicast (no network but loopback, or no default route)
// the library cannot join the group; there the search is sent without it.
package ssdp
