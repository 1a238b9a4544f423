// Package node asks a Stardust node over its REST API. It believes no size, no status and no shape of an answer, and knows
// nothing of orders or wallets.
package node
