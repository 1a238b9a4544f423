package daemon

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
)

// retryListen is how often an address that could not be had is tried again.
const retryListen = 5 * time.Second

// webListener keeps the web front on the address the configuration names. A port in use costs the web front and
// nothing else; it is tried again until it is free.
type webListener struct {
	g       *Gateway
	changed chan struct{} // the configuration names another address

	mu      sync.Mutex
	address string
	problem string
}

func newWebListener(g *Gateway) *webListener {
	return &webListener{g: g, changed: make(chan struct{}, 1), address: g.config().Web.Listen}
}

func (w *webListener) run(ctx context.Context) {
	for ctx.Err() == nil {
		w.once(ctx)
	}
}

// once serves one address until ctx ends or the address changes.
func (w *webListener) once(ctx context.Context) {
	address := w.g.config().Web.Listen
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		select {
		case <-ctx.Done():
		case <-w.changed:
			cancel()
		}
	})
	if address == "" {
		w.note(address, nil)
		<-ctx.Done()
		return
	}
	l, err := net.Listen("tcp", address)
	w.note(address, err)
	if err != nil {
		select {
		case <-ctx.Done():
		case <-time.After(retryListen):
			cancel()
		}
		return
	}
	w.g.serve(ctx, l, w.g.webHandler())
}

func (w *webListener) note(address string, err error) {
	problemText := ""
	if err != nil {
		problemText = explainListen(err)
	}
	w.mu.Lock()
	w.address, w.problem = address, problemText
	w.mu.Unlock()
	if err == nil {
		if w.g.state.clear("web.listen") {
			w.g.log.Info("listener regained", "key", "web.listen", "address", address)
		}
		return
	}
	if w.g.state.report("web.listen", problem{"listener", "web.listen " + address + " is off: " + problemText}) {
		w.g.log.Error("listener is off", "key", "web.listen", "address", address, "why", problemText)
	}
}

func (w *webListener) listener() control.Listener {
	w.mu.Lock()
	defer w.mu.Unlock()
	return listenerOf("web.listen", w.address, w.problem)
}

// explainListen says why an address cannot be had.
func explainListen(err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return "another program uses this port"
	}
	return err.Error()
}

// move has the listener look at the configuration again.
func (w *webListener) move() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}
