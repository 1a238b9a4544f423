// Package rebasedtest is a node of the live IOTA network in one process: a small ledger, the GraphQL service of an indexer
// and the JSON-RPC of a node in front of it, and faults on order. It is for tests and never part of the product.
//
// Transactions are real in every byte that a client may look at: BCS, digests, Ed25519 signatures and effects are those
// of the network, and the official SDK reads them (package sdktest). What it does not do is judge: no coin is locked, no
// gas is short, and whoever calls Pay may spend.
//
// The ledger is in chain.go, the wire forms are in bcs.go, rpc.go and service.go; query.go and execute.go are as much of
// GraphQL as clients send.
package rebasedtest
