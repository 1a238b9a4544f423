// Package fronttest has what a web front stands between: a real Mosquitto with WebSockets, visitors from several addresses,
// and a small page. Tests that need a program which is not installed are skipped, or fail if the environment variable
// WATTGATE_REQUIRE names it.
package fronttest
