// Package devices finds smart plugs, samples them on an exact grid and
// averages what they say. It never publishes and never decides who may see it.
//
// A Fleet holds everything known about the plugs. Run owns every goroutine:
// one searches (SSDP and fixed addresses), two hear and heed what plugs announce,
// one per plug samples on an absolute grid, and where events are wanted one more
// keeps it subscribed. Sample, Average, Energy and Plugs may be called at any
// time from anywhere.
//
// A plug is its UDN, whatever address it has today. Whatever arrives from the
// network is bounded and checked before it is kept; unknown is absent, never 0.
// The fleet only reads: it never changes anything in a plug.
//
// A brand of plugs is a folder beside this file and one line in brands.go.
package devices
