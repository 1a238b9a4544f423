// Package ledger holds the tests of the real binary on real ledgers: a private IOTA network of the Stardust generation, and
// the simulated node of the live network that its official SDK reads. It has no code of its own.
package ledger
