// Package shellytest simulates a Shelly plug of the second generation: its two
// RPC calls, with or without a meter and a password. It never tells a test
// whether it passed.
package shellytest
