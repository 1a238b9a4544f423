package acl

import (
	"errors"
	"fmt"
	"time"
)

// hangsAfter is how long a broker may be silent without computing anything
// before it counts as hung. One that computes is busy, with a flood or a long
// reload, and ending it would only disconnect those who paid.
const hangsAfter = 10 * time.Second

// ErrHung is in the error of an Apply, and the reason of a Check, whose broker
// neither answered nor computed for 10 s. Restore is the remedy.
var ErrHung = fmt.Errorf("the broker hangs: it has neither answered nor computed for %v", hangsAfter)

// stillness is what was seen of a process that does not answer.
type stillness struct {
	pid   int
	spent time.Duration // processor time it had used when it was last seen computing
	since time.Time     // when that was
}

// observe returns for how long the process has been seen without computing.
func (s *stillness) observe(pid int) time.Duration {
	spent, err := cpuTime(pid)
	if err != nil || s.pid != pid || spent != s.spent {
		*s = stillness{pid: pid, spent: spent, since: time.Now()}
	}
	return time.Since(s.since)
}

// orHung adds ErrHung to the error of a proof that failed on a still broker.
func (s *stillness) orHung(pid int, err error) error {
	if pid == 0 || errors.Is(err, ErrDisobeys) || s.observe(pid) < hangsAfter {
		return err
	}
	return fmt.Errorf("%w: %w", ErrHung, err)
}
