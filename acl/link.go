package acl

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Back-off of a link, doubled from the first to the last.
const (
	linkBackoffMin = 50 * time.Millisecond
	linkBackoffMax = 2 * time.Second
)

// link keeps one session alive and subscribed.
type link struct {
	name           string // for the log
	socket         string
	user, password string
	handle         func(topic string, payload []byte)
	log            *slog.Logger
	wake           chan struct{} // of capacity 1: try again now

	mu      sync.Mutex
	now     *session      // guarded by mu; nil while down
	changed chan struct{} // guarded by mu; closed when now changes
	filters []string      // guarded by mu
}

func newLink(name, socket, user, password string, handle func(string, []byte), log *slog.Logger) *link {
	return &link{name: name, socket: socket, user: user, password: password, handle: handle, log: log,
		wake: make(chan struct{}, 1), changed: make(chan struct{})}
}

// run connects again and again until the context ends.
func (l *link) run(ctx context.Context) {
	backoff := linkBackoffMin
	wasUp := false
	for ctx.Err() == nil {
		if s := l.open(ctx); s != nil {
			if wasUp {
				l.log.Info("connection to the broker regained", "link", l.name, "broker_pid", s.pid)
			}
			wasUp = true
			backoff = linkBackoffMin
			l.set(s)
			select {
			case <-s.lost:
				l.log.Warn("connection to the broker lost", "link", l.name, "broker_pid", s.pid)
			case <-ctx.Done():
			}
			l.set(nil)
			s.close()
		}
		select {
		case <-ctx.Done():
		case <-l.wake:
			backoff = linkBackoffMin
		case <-time.After(backoff):
			backoff = min(2*backoff, linkBackoffMax)
		}
	}
}

// open returns a session with every filter confirmed, or nil.
func (l *link) open(ctx context.Context) *session {
	s, err := dial(ctx, l.socket, l.user, l.password, l.handle)
	if err != nil {
		l.log.Debug("cannot connect to the broker", "link", l.name, "err", err)
		return nil
	}
	l.mu.Lock()
	filters := slices.Clone(l.filters)
	l.mu.Unlock()
	if err := s.subscribe(filters); err != nil {
		l.log.Warn("cannot subscribe at the broker", "link", l.name, "err", err)
		s.close()
		return nil
	}
	return s
}

func (l *link) set(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = s
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *link) session() *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// pid names the broker the link is connected to, 0 while it is down.
func (l *link) pid() int {
	if s := l.session(); s != nil {
		return s.pid
	}
	return 0
}

// nudge makes a link that is down try again at once.
func (l *link) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// await returns the link's session with this broker, or fails with the
// context.
func (l *link) await(ctx context.Context, pid int) (*session, error) {
	for {
		l.mu.Lock()
		s, changed := l.now, l.changed
		l.mu.Unlock()
		if s != nil && s.pid == pid {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, errors.New("the gateway's " + l.name + " is not connected to the broker")
		}
	}
}

// require sets the filters of each later session.
func (l *link) require(filters []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.filters = filters
}
