// Package supervise keeps processes running as systemd would: it starts them, passes on what they write, starts them
// again when they end by themselves, and ends them in reverse order. `wattgate demo` uses it where a real installation
// has systemd.
package supervise
