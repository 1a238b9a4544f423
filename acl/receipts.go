package acl

import (
	"context"
	"sync"
)

// receipts is what the probe received: at most three messages are of use.
type receipts struct {
	mu      sync.Mutex
	got     map[[2]string]bool // topic, payload
	changed chan struct{}      // closed at each message
}

// maxReceipts bounds what is kept of a probe's messages.
const maxReceipts = 64

func (r *receipts) add(topic string, payload []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.got == nil {
		r.got = map[[2]string]bool{}
	}
	if len(r.got) < maxReceipts && len(payload) <= maxMark {
		r.got[[2]string{topic, string(payload)}] = true
	}
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

func (r *receipts) has(topic, payload string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got[[2]string{topic, payload}]
}

func (r *receipts) wait(ctx context.Context, topic, payload string) bool {
	for {
		r.mu.Lock()
		if r.got[[2]string{topic, payload}] {
			r.mu.Unlock()
			return true
		}
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		changed := r.changed
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
