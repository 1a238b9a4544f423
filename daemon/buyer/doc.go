// Package buyer is the buyer's side: it reads and verifies a gateway's offer, seals an order, pays or waits for the
// payment, and keeps the credentials. It trusts a gateway's signature and nothing else: not the network, not the broker.
//
// What it must not lose it writes before it acts: an order is on disk before it is sent, and marked as paid before the
// money goes. A purchase that was interrupted goes on when `buy` is run again.
package buyer
