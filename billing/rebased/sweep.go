package rebased

// window is how many checkpoints before the cursor each call begins, about twenty seconds: an indexer may write a row
// late, though it says that it does not.
const window = 100

// sweep is what a Ledger remembers from one call of Deposits to the next. Forgetting it costs nothing but deposits listed
// again.
type sweep struct {
	// returned is the cursor of the last batch, pending what was listed with it. When a call brings that cursor, it has been
	// stored, and so has the batch; any other cursor proves nothing.
	returned string
	pending  []arrival
	// stored has what need not be listed again, with its checkpoint.
	stored map[string]uint64
	// behind: the last call did not reach the head, or failed. Then nothing is read twice, so that it gets on.
	behind bool
	// head is where the last call found the head, exclusive; 0: not known.
	head uint64
}

// back takes note of the cursor that a call brings.
func (s *sweep) back(cursor string) {
	if s.stored == nil || cursor != s.returned {
		s.stored = map[string]uint64{}
		s.pending = nil
	}
	for _, a := range s.pending {
		s.stored[a.ID] = a.checkpoint
	}
	s.returned, s.pending = cursor, nil
}

// low is the first checkpoint to read for a cursor.
func (s *sweep) low(next uint64) uint64 {
	if s.behind {
		return next
	}
	return next - min(next, window)
}

// news is what was not stored yet.
func (s *sweep) news(arrivals []arrival) []arrival {
	var out []arrival
	for _, a := range arrivals {
		if _, known := s.stored[a.ID]; !known {
			out = append(out, a)
		}
	}
	return out
}

// listed takes note of a batch, the first checkpoint that its cursor does not cover, and whether it reached the head.
func (s *sweep) listed(cursor string, news []arrival, next uint64, reached bool) {
	s.returned, s.pending, s.behind = cursor, news, !reached
	for id, checkpoint := range s.stored {
		if checkpoint+2*window < next {
			delete(s.stored, id)
		}
	}
}

// failed takes note of a call that returned an error.
func (s *sweep) failed() { s.head, s.behind = 0, true }

// bound is the head of the call before, which becomes this one.
func (s *sweep) bound(head uint64) uint64 {
	before := s.head
	s.head = head
	return before
}
