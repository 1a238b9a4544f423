// Package sdkwasm pays on Stardust networks by the official SDK from npm, @iota/sdk-wasm: a payer that nobody here wrote,
// for tests. It needs Node.js with npm; the packages are installed once into the user's cache directory, as
// package-lock.json names them.
package sdkwasm
