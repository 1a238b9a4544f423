package broker

import (
	"fmt"
	"syscall"
)

// allowFiles sets the soft limit on open files to what is needed, or to the hard limit if that is less, and returns it.
// It also lowers one that is higher: libwebsockets makes room for as many as are allowed, which may be a thousand million.
// Setting it through this package matters: Go gives a program that it executes the limit it was started with itself,
// unless the program has set another.
func allowFiles(needed uint64) (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("cannot read the limit on open files: %w", err)
	}
	limit.Cur = min(needed, limit.Max)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("cannot set the limit on open files to %d: %w", limit.Cur, err)
	}
	return limit.Cur, nil
}
