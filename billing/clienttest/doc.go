// Package clienttest proves docs/protocol.md: client.mjs, a buyer's client in another language that shares no line with
// wattgate and uses no library but Node's own, agrees with every test vector and buys from a shop.
//
// Its tests need Node 20 or newer and are skipped without it, unless WATTGATE_REQUIRE contains "node".
package clienttest
