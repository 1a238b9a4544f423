// Package sdktest lets the official SDK of the live IOTA network judge what was written here: the simulated node, which it
// must read without an error in both ways, addresses and signatures. It has no code of its own.
//
// Its tests need Node.js and npm; the packages of npm/ are installed into the user's cache. Without Node they are skipped,
// or fail if the environment variable WATTGATE_REQUIRE contains "node".
package sdktest
