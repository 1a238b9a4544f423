package stardust

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Options of a Ledger.
type Options struct {
	// Node is the URL of the node: http[s]://host[:port][/path].
	Node string
	// Addresses lists the addresses that receive, in bech32; it is called once for each batch. An address counts from the
	// milestone on that is read next.
	Addresses func(ctx context.Context) ([]string, error)
	// Since is where a ledger without a cursor begins: at the first milestone of that time or later. The zero value is the
	// newest milestone. Give the time when the address was first shown to anybody, and nothing paid since is lost even if
	// the node was out of reach at first.
	Since time.Time
	// Client asks the node; nil is one with timeouts of its own.
	Client *http.Client
	// Log gets what no error tells; nil discards it.
	Log *slog.Logger
}
