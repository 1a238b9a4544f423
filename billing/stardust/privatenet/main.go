package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	hornet "github.com/iotaledger/hornet/v2/components/app"
)

func main() {
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == "hornet":
		// HORNET reads the process's arguments itself.
		os.Args = append(os.Args[:1], os.Args[2:]...)
		hornet.App().Run()
		return
	case len(os.Args) > 1 && os.Args[1] == "up":
		err = up(os.Args[2:])
	default:
		fmt.Fprintln(os.Stderr, "usage: privatenet up -dir DIR | privatenet hornet ARGS")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "privatenet:", err)
		os.Exit(1)
	}
}

// ready is the line that up prints once payments can be made.
type ready struct {
	Node    string   `json:"node"`    // URL of the node's API
	Control string   `json:"control"` // URL of the control address
	Network string   `json:"network"`
	HRP     string   `json:"hrp"`     // what its addresses begin with
	Wallets []string `json:"wallets"` // key files
	PID     int      `json:"pid"`     // of this process, which ends the node when it ends
}

func up(args []string) error {
	var o options
	fs := flag.NewFlagSet("up", flag.ExitOnError)
	fs.StringVar(&o.dir, "dir", "", "state directory; made if absent")
	fs.StringVar(&o.rest, "rest", "127.0.0.1:0", "address of the node's API; port 0 picks a free one")
	fs.StringVar(&o.control, "control", "127.0.0.1:0", "control address")
	fs.DurationVar(&o.interval, "interval", time.Second, "between milestones; below a second the ledger's clock runs ahead")
	fs.StringVar(&o.genesis.Network, "network", "wattgate-private", "name of a new network")
	fs.IntVar(&o.genesis.VByteCost, "vbyte", 1, "storage deposit per virtual byte in a new network; 0 breaks the official SDK")
	wallets := fs.Int("wallets", 4, "wallets with money in a new network")
	eof := fs.Bool("eof", false, "end when the input ends")
	fs.Parse(args)
	if o.dir == "" || fs.NArg() > 0 {
		return fmt.Errorf("cannot start: -dir is missing or there are words too many (%v)", fs.Args())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if *eof {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	return run(ctx, o, *wallets, func(r ready) { json.NewEncoder(os.Stdout).Encode(r) })
}
