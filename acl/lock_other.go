//go:build !linux

package acl

import (
	"errors"
	"os"
)

var errLock = errors.New("cannot lock the broker's directory on this system: run the broker on Linux")

// TakeLock needs Linux.
func TakeLock(string) (*os.File, error) { return nil, errLock }

// LockHolder needs Linux.
func LockHolder(string) (int, error) { return 0, errLock }
