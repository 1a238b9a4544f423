// Package stardust is a billing.Ledger that reads deposits from a node of an IOTA network of the Stardust generation. It
// watches addresses and holds no key; the package wallet pays, for buyers and tests.
//
// # How it reads
//
// Milestones are final and never reorganised. Each names the one before it, and the cursor holds the id of the last that
// was read: the next must follow on it, so another network behind the same URL, or one that was begun anew, is an error
// and never a gap (ErrOtherChain). From each milestone every output that it created is looked at; nothing is kept between
// calls. A ledger without a cursor begins at the newest milestone, or at Options.Since.
//
// # What counts
//
// A basic output that only the owner of the address can spend, with coins of the network and nothing else, is a deposit.
// Outputs with other conditions, native tokens, NFTs, aliases and what the address sent to itself are listed with a Hold.
// The tag is the reference; metadata goes along as it is.
package stardust
