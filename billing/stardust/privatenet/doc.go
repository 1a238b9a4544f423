// Command privatenet runs a whole IOTA (Stardust) network on the loopback interface: the official node software, HORNET,
// and a coordinator of our own that issues a milestone a second. It exists for tests and for trying things by hand.
//
//	privatenet up -dir DIR    start, or go on where DIR stopped; ends at SIGTERM, SIGINT or, with -eof, at the end of input
//	privatenet hornet ARGS    the node itself, with HORNET's own arguments
//
// up prints one line of JSON when the network is ready (see ready) and answers on its control address:
//
//	POST /advance?n=30        issue n milestones at once; the ledger's clock then runs ahead by as many seconds
//	POST /pause, POST /resume no milestones in between: a network that stands still
//	POST /stop, POST /start   the node alone; stop is an orderly one
//
// DIR/wallet-0.key and following are keys with money from the first moment on: one line, the Ed25519 seed in hex. Whoever
// reads them owns play money. It is a module of its own because HORNET needs several hundred others.
package main
