package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// options of up.
type options struct {
	dir, rest, control string
	interval           time.Duration
	genesis            genesis // of a new network
}

// run brings the network up and keeps it up until ctx ends.
func run(ctx context.Context, o options, wallets int, tell func(ready)) error {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	p := paths(dir)
	g, known, err := load(p)
	if err == nil && !known {
		o.genesis.Wallets = wallets
		g, err = create(p, o.genesis)
	}
	if err != nil {
		return err
	}
	rest, err := freePort(o.rest)
	if err != nil {
		return fmt.Errorf("cannot listen for the node: %w (is another network running?)", err)
	}
	inx, err := freePort("127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := configure(p, g, rest, inx); err != nil {
		return err
	}
	n := &node{paths: p, rest: rest}
	if err := n.start(ctx); err != nil {
		return err
	}
	defer n.stop()
	conn, err := grpc.Dial(inx, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	return serve(ctx, o, n, newCoordinator(conn, p, g, o.interval), func(control string) ready {
		r := ready{Node: "http://" + rest, Control: "http://" + control, Network: g.Network, HRP: string(hrp), PID: os.Getpid()}
		for i := range g.Wallets {
			r.Wallets = append(r.Wallets, p.wallet(i))
		}
		tell(r)
		return r
	})
}

// serve answers on the control address and issues milestones until ctx ends.
func serve(ctx context.Context, o options, n *node, c *coordinator, tell func(control string) ready) error {
	listener, err := net.Listen("tcp", o.control)
	if err != nil {
		return fmt.Errorf("cannot listen on the control address: %w", err)
	}
	index := &indexer{inx: c.inx, port: listener.Addr().(*net.TCPAddr).Port}
	server := &http.Server{Handler: routes(n, c, index), ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(listener)
	defer server.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	issued, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- c.run(ctx, index.register, issued) }()
	select {
	case <-issued:
		tell(listener.Addr().String())
		return <-ended
	case err := <-ended:
		return err
	}
}

// routes are the control address and the indexer's part of the node's API.
func routes(n *node, c *coordinator, index *indexer) http.Handler {
	mux := http.NewServeMux()
	do := func(pattern string, what func(r *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := what(r); err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
			}
		})
	}
	do("POST /advance", func(r *http.Request) error {
		count, err := strconv.Atoi(r.FormValue("n"))
		if err != nil || count < 1 {
			return fmt.Errorf("cannot advance by %.20q milestones", r.FormValue("n"))
		}
		return c.advance(r.Context(), count)
	})
	do("POST /pause", func(*http.Request) error { c.paused.Store(true); return nil })
	do("POST /resume", func(*http.Request) error { c.paused.Store(false); return nil })
	do("POST /stop", func(*http.Request) error { n.stop(); return nil })
	do("POST /start", func(r *http.Request) error {
		before := c.sessions.Load()
		if err := n.start(r.Context()); err != nil {
			return err
		}
		return c.again(r.Context(), before)
	})
	mux.HandleFunc("GET "+indexPath+"/outputs/{kind}", index.outputs)
	return mux
}
