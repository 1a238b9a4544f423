// Package wallet pays on Stardust networks from a key in a file. It is for buyers and tests: a gateway holds no key, so
// nothing that a gateway runs may import it.
//
// The node must have an indexer, which tells what an address owns; public ones had, the private network of this project
// has one of its own.
package wallet
