// Package billing turns ledger deposits into grants: price, order, payment, grant, receipt. It never talks to a broker
// and holds no key that can spend.
//
// # What is where
//
//   - Money is counted in Units (units.go, price.go); no float is ever involved.
//   - Offer, Invoice and Receipt are JSON documents signed by the gateway's Identity (document.go, offer.go,
//     identity.go); an Order is signed by the buyer and sealed to the gateway (order.go, seal.go).
//     This half needs no store: a buyer's program uses it alone.
//   - Store is the database wattgate.db (store.go, migrations/); Shop is the one object a daemon talks to. Orders
//     come in through place.go, deposits through credit.go, time passes in tick.go, and who may log in is read from
//     account.go.
//   - What ties a payment to its order is in reference.go (tags, unique amounts) and pool.go (addresses); match.go finds
//     the order of a deposit, carried.go takes an order out of a payment, claim.go a payer's word for one.
//   - The chain behind a network's name is pinned in chain.go. The books leave as CSV and as sums in export.go.
//   - Clock is the gateway's time: what it believes is decided in timeline.go, asked, confirmed and kept in clock.go.
//     Time in which nobody was served is recorded in withheld.go.
//   - docs/protocol.md is this package for who writes a client; clienttest/ has one in another language.
//   - Ledger is what a source of deposits answers (ledger.go); sandbox/ is one with play money, billingtest/ one
//     with faults.
//
// # Laws
//
// A deposit is stored, matched, credited and its cursor moved in one transaction; UNIQUE(network, deposit) decides
// that it counts once. The time an order has bought is a pure function of the deposits assigned to it (credit.go), so
// the sequence of their arrival does not matter. Clock alone reads the machine's clocks: every other function is told the
// time. It never runs backwards, and while it is not trusted no grant starts or ends. Withheld time counts once.
package billing
