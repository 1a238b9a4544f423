package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/serve"
)

// retryListen is how often an address that could not be had is tried again.
const retryListen = 5 * time.Second

// listener serves HTTP on the address that a key of the configuration names. A port in use costs this listener and
// nothing else; it is tried again until it is free.
type listener struct {
	g       *Gateway
	key     string
	wanted  func(config.Config) string // the address, "" = off
	handler http.Handler
	changed chan struct{} // the configuration names another address

	mu      sync.Mutex // guards what follows
	address string
	problem string
}

func newListener(g *Gateway, key string, wanted func(config.Config) string, handler http.Handler) *listener {
	return &listener{g: g, key: key, wanted: wanted, handler: handler, changed: make(chan struct{}, 1), address: wanted(g.config())}
}

func (l *listener) run(ctx context.Context) {
	for ctx.Err() == nil {
		l.once(ctx)
	}
}

// once serves one address until ctx ends or the address changes.
func (l *listener) once(ctx context.Context) {
	address := l.wanted(l.g.config())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		select {
		case <-ctx.Done():
		case <-l.changed:
			cancel()
		}
	})
	if address == "" {
		l.note(address, nil)
		<-ctx.Done()
		return
	}
	conn, err := net.Listen("tcp", address)
	l.note(address, err)
	if err != nil {
		select {
		case <-ctx.Done():
		case <-time.After(retryListen):
			cancel()
		}
		return
	}
	l.g.serve(ctx, conn, l.handler)
}

func (l *listener) note(address string, err error) {
	problemText := ""
	if err != nil {
		problemText = explainListen(err)
	}
	l.mu.Lock()
	l.address, l.problem = address, problemText
	l.mu.Unlock()
	if err == nil {
		if l.g.state.clear(l.key) {
			l.g.log.Info("listener regained", "key", l.key, "address", address)
		}
		return
	}
	if l.g.state.report(l.key, problem{"listener", l.key + " " + address + " is off: " + problemText}) {
		l.g.log.Error("listener is off", "key", l.key, "address", address, "why", problemText)
	}
}

// row is the listener as `status` shows it.
func (l *listener) row() control.Listener {
	l.mu.Lock()
	defer l.mu.Unlock()
	return listenerOf(l.key, l.address, l.problem)
}

// explainListen says why an address cannot be had.
func explainListen(err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return "another program uses this port"
	}
	return err.Error()
}

// follow has the listener look at the configuration again, if that names another address than before.
func (l *listener) follow(before, now config.Config) {
	if l.wanted(before) == l.wanted(now) {
		return
	}
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// serve answers HTTP on l until ctx ends, and finishes what it is answering.
func (g *Gateway) serve(ctx context.Context, l net.Listener, handler http.Handler) {
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
	if err := serve.Until(ctx, srv, l); err != nil {
		g.log.Error("a listener ended", "address", l.Addr().String(), "error", err)
	}
}
