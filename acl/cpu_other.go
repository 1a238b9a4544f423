//go:build !linux

package acl

import (
	"errors"
	"time"
)

// cpuTime knows nothing: the gateway runs on Linux only.
func cpuTime(int) (time.Duration, error) {
	return 0, errors.New("processor times are known on Linux only")
}
