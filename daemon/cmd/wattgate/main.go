// Command wattgate is the gateway, its broker, its owner's tool and its buyer's tool in one binary.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/wattgate/wattgate/daemon/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
