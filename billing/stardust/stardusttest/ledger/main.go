// Command ledger runs a private IOTA network by hand, says how to pay on it, and pays.
//
//	ledger [-dir DIR] [-node HOST:PORT]                        until Ctrl-C; DIR keeps it
//	ledger pay -key FILE -node URL ADDRESS AMOUNT [TAG]        pays AMOUNT base units
//	ledger address [-key FILE]                                 the address of a key, of the gateway's if none is named; one that is not there is made
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/stardust/stardusttest"
	"github.com/wattgate/wattgate/billing/stardust/wallet"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	args, err := os.Args[1:], error(nil)
	switch {
	case len(args) > 0 && args[0] == "pay":
		err = pay(ctx, args[1:])
	case len(args) > 0 && args[0] == "address":
		err = address(args[1:])
	default:
		err = run(ctx, args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ledger:", err)
		os.Exit(1)
	}
}

// gatewayKey is the file with the key of an address for a gateway to be paid at.
const gatewayKey = "gateway.key"

// place is where the network that runs by hand is kept.
func place() (string, error) {
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "wattgate-ledger"), err
}

func run(ctx context.Context, args []string) error {
	usual, err := place()
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet("ledger", flag.ExitOnError)
	dir := flags.String("dir", usual, "keeps the network; remove it to begin anew")
	node := flags.String("node", "127.0.0.1:14265", "address of the node's API")
	flags.Parse(args)
	n, err := stardusttest.Start(ctx, stardusttest.Options{Dir: *dir, Node: *node, Log: os.Stderr})
	if err != nil {
		return err
	}
	key := filepath.Join(*dir, gatewayKey)
	gateway, err := loadOrCreate(key)
	if err != nil {
		return errors.Join(err, n.Stop())
	}
	fmt.Printf(`The private IOTA network %q runs, a milestone a second. Play money, and nobody outside this machine sees it.

  node     %s
  wallet   %s   (and three more; each begins with 1000000.000000)
  address  %s   (made for a gateway; its key is in %s)

Pay 500 base units with a tag:

  go run ./billing/stardust/stardusttest/ledger pay -key %[3]s -node %[2]s \
    %[4]s 500 hello

Ctrl-C ends it; started again it goes on. Remove %[6]s to begin anew.
`, n.Name, n.URL, n.WalletFiles[0], gateway.Address(n.HRP), key, *dir)
	<-ctx.Done()
	return n.Stop()
}

func pay(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("pay", flag.ExitOnError)
	key := flags.String("key", "", "key file")
	node := flags.String("node", "http://127.0.0.1:14265", "URL of the node's API")
	flags.Parse(args)
	if flags.NArg() < 2 || flags.NArg() > 3 {
		return fmt.Errorf("usage: ledger pay -key FILE [-node URL] ADDRESS AMOUNT [TAG]")
	}
	amount, err := strconv.ParseInt(flags.Arg(1), 10, 64)
	if err != nil {
		return fmt.Errorf("cannot pay %.30q base units: %w", flags.Arg(1), err)
	}
	w, err := wallet.Load(*key)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	id, err := w.Pay(ctx, *node, flags.Arg(0), billing.Units(amount), []byte(flags.Arg(2)), nil)
	if err == nil {
		fmt.Println("paid with transaction", id)
	}
	return err
}

func address(args []string) error {
	flags := flag.NewFlagSet("address", flag.ExitOnError)
	usual, err := place()
	if err != nil {
		return err
	}
	key := flags.String("key", filepath.Join(usual, gatewayKey), "key file; made if absent")
	hrp := flags.String("hrp", "tst", "what addresses of the network begin with")
	flags.Parse(args)
	w, err := loadOrCreate(*key)
	if err == nil {
		fmt.Println(w.Address(*hrp))
	}
	return err
}

func loadOrCreate(key string) (*wallet.Wallet, error) {
	if err := os.MkdirAll(filepath.Dir(key), 0o700); err != nil {
		return nil, err
	}
	w, err := wallet.Load(key)
	if errors.Is(err, fs.ErrNotExist) {
		return wallet.Create(key)
	}
	return w, err
}
