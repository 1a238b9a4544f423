// Package demo is `wattgate demo`: simulated plugs, and under a small supervisor the same two processes a real
// installation has, the broker and the gateway, on a sandbox ledger.
//
// Nothing is rigged: the gateway finds the plugs by multicast on the loopback interface and is told only which serial
// numbers count, so that several demos, and real plugs, do not get in each other's way. The one thing made up is the
// hour of averages before the start, which is marked as simulated wherever it is shown.
package demo
