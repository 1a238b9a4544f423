package front

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// sockets are the WebSockets that a front forwards.
type sockets struct {
	limits  Limits
	log     *slog.Logger
	places  *counter
	refused atomic.Uint64
	failing atomic.Bool // the broker took none when it was asked last

	ctx    context.Context // ends with close
	cancel context.CancelFunc
	live   sync.WaitGroup // sockets from begin to their end

	mu     sync.Mutex // guards what follows, and live from growing after close
	closed bool
}

func newSockets(l Limits, log *slog.Logger) *sockets {
	s := &sockets{limits: l, log: log, places: newCounter(l.Sockets, l.SocketsEach)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

func (s *sockets) open() int { return s.places.count() }

func (s *sockets) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.live.Wait()
}

// enter takes a place for a visitor. The context ends with leave, with close, and with the listener that the request came
// in at (see While). leave must be called if the verdict is taken; more than once does no harm.
func (s *sockets) enter(r *http.Request, who netip.Prefix) (ctx context.Context, leave func(), says verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, closing
	}
	if says = s.places.take(who, false); says != taken {
		return nil, nil, says
	}
	s.live.Add(1)
	ctx, cancel := context.WithCancel(s.ctx)
	stop := func() bool { return true }
	if server, ok := r.Context().Value(whileKey{}).(context.Context); ok {
		stop = context.AfterFunc(server, cancel)
	}
	return ctx, sync.OnceFunc(func() {
		stop()
		cancel()
		s.places.give(who)
		s.live.Done()
	}), taken
}

type whileKey struct{}

// While is h, whose sockets end when ctx does. A server's end leaves them open: it knows nothing of connections that it gave
// away. What is being answered otherwise does not end with ctx: that is for the server to decide.
func While(ctx context.Context, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), whileKey{}, ctx)))
	})
}

// forward gives the client the broker's answer, then copies both ways until both have ended, one has failed, or ctx ends.
// How long a socket may be silent is MQTT's own business.
func (s *sockets) forward(ctx context.Context, client net.Conn, up upstream, early []byte) {
	end := func() {
		_ = client.Close()
		_ = up.conn.Close()
	}
	defer end()
	stop := context.AfterFunc(ctx, end)
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.copy(up.conn, client, early) })
	s.copy(client, up.conn, up.first)
}

// bufferSize fits several live messages; each socket has two of them. What does not fit waits in the sender.
const bufferSize = 2 << 10

// copy sends first and then what src says to dst. At the end of src it ends dst's input and gives dst a while to finish;
// at a failure it closes both, which ends the other direction, too.
func (s *sockets) copy(dst, src net.Conn, first []byte) {
	err := s.write(dst, first)
	buf := make([]byte, bufferSize)
	for err == nil {
		n, readErr := src.Read(buf)
		if err = s.write(dst, buf[:n]); err == nil {
			err = readErr
		}
	}
	half, ok := dst.(interface{ CloseWrite() error })
	if errors.Is(err, io.EOF) && ok && half.CloseWrite() == nil && dst.SetReadDeadline(time.Now().Add(s.limits.Linger)) == nil {
		return
	}
	_ = dst.Close()
	_ = src.Close()
}

func (s *sockets) write(dst net.Conn, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if err := dst.SetWriteDeadline(time.Now().Add(s.limits.Write)); err != nil {
		return err
	}
	_, err := dst.Write(p)
	return err
}
