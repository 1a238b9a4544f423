package devices

import (
	"context"
	"time"

	"github.com/wattgate/wattgate/devices/ssdp"
)

// Bounds of what announcements can make the fleet do: anyone on the network can
// forge them by the thousand.
const (
	maxNotices  = 32
	noticePause = 200 * time.Millisecond // between two that are acted upon
	byeEvery    = 30 * time.Second       // a plug is asked at most this often because it is said to leave
)

// overhear listens to announcements until ctx ends, on the interfaces that the
// configuration in force wants.
func (f *Fleet) overhear(ctx context.Context) {
	for ctx.Err() == nil {
		cfg := f.config()
		lctx, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if cfg.Discover {
				f.listen(lctx, cfg.Interface, targets(f.brands), f.hear, func() { f.Nudge() })
			}
		}()
		for same := true; same; {
			select {
			case <-ctx.Done():
				same = false
			case <-f.applied:
				now := f.config()
				same = now.Discover == cfg.Discover && now.Interface == cfg.Interface
			}
		}
		stop()
		<-done
	}
}

// hear keeps a notice to act upon, or drops it if there are too many.
func (f *Fleet) hear(n ssdp.Notice) {
	select {
	case f.notices <- n:
	default:
	}
}

// heed acts on notices until ctx ends. They are hints: whatever they say, the
// most they lead to is that a plug is asked who it is.
func (f *Fleet) heed(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-f.notices:
			if n.Bye {
				f.doubt(n.UDN, time.Now())
			} else {
				f.verify(ctx, n.Answer)
			}
		}
		if !wait(ctx, timer, noticePause, nil) {
			return
		}
	}
}

// doubt has a plug asked who it is: before its next reading, or when the next
// search looks after the plugs that are not read.
func (f *Fleet) doubt(udn string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, ok := f.plugs[udn]
	if !ok || now.Sub(p.named) < byeEvery {
		return
	}
	p.suspect = true
}
