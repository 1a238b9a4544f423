// Package rebased reads deposits from the live IOTA network ("Rebased") through the GraphQL service of its indexer, and
// lets a second node confirm each of them by JSON-RPC. It never signs anything and holds no key.
//
// # What counts as a deposit
//
// A transaction that is checkpointed and succeeded, whose sender is none of our addresses, and whose balance changes in the coin
// 0x2::iota::IOTA add up to more than nothing for our address (transaction.go, coin.go). There is one deposit a
// transaction, its net amount in nanos, and its digest is the deposit's ID. What an object owns is not ours.
//
// # How nothing is left out
//
// The cursor (cursor.go) names the first checkpoint that was not read to its end. A page of the service is a view of the
// chain as of one checkpoint, which the same answer names; the cursor passes that checkpoint only after the last page.
// Each sweep begins some checkpoints before the cursor, for rows that an indexer wrote late: what has been stored
// already, which the next call proves by bringing our cursor back, is not listed again (sweep.go). With a second node the
// cursor stays in front of the first deposit that it does not know (confirm.go).
//
// # What a node may do to us
//
// Answers are bounded, parsed strictly and cleaned of what does not belong into a log (http.go, graphql.go, jsonrpc.go).
// A busy node is a *BusyError, and is left alone for as long as it asked for. Another chain behind the same URL, a head
// that falls back or stands still, history that was pruned before it was read, and two nodes that differ are errors which
// say so; none of them moves the cursor.
//
// # Addresses and claims
//
// ParseAddress takes an address and refuses what is recognisably a secret. It cannot recognise every one: an address and
// a secret key are both 32 bytes, so 0x and 64 hexadecimal digits are taken for an address. VerifyPersonalMessage checks
// the signature of a payer who claims a deposit.
//
// Nothing here has run against a live node: it is tested against rebasedtest, which the official SDK reads without an
// error. The test behind the environment variable WATTGATE_REBASED_NODE is for a machine that reaches one.
package rebased
