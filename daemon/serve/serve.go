package serve

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// finishTime is how long an answer may take once the server was told to stop; then its connection is cut.
const finishTime = time.Second

// Until serves l until ctx ends and returns when the last answer is given. It closes l.
func Until(ctx context.Context, srv *http.Server, l net.Listener) error {
	finished := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(finished)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			_ = srv.Close()
		}
	})
	defer func() {
		if !stop() {
			<-finished // Serve returns at once; what is being answered is answered first
		}
	}()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
