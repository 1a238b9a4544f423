// Package nodetest lets the simulated plug and the fleet meet programs that
// nobody here wrote: a WeMo client and two emulators from npm. It has no code of
// its own.
//
// Its tests need Node.js and npm, and as root, where network namespaces can be
// made, they use real multicast between two of them; elsewhere the loopback
// interface, where those programs do not search. Without Node they are skipped,
// or fail if the environment variable WATTGATE_REQUIRE contains "node".
package nodetest
