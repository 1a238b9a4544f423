// Package wemo reads Belkin WeMo plugs over their local protocol: the
// description at /setup.xml and the meter of the Insight by SOAP. It only
// reads, and it connects to no address but the one it was given.
//
// What it knows comes from answers recorded from real firmware (2017 to 2026):
// the plugs close connections silently, so each request has a connection of
// its own; the Insight's reply is in a foreign namespace, so only local names
// are compared; lengths announced may be too large, so reading stops at the
// end of the document.
package wemo
