//go:build unix

package demo

import (
	"os"
	"syscall"
)

func lockFile(f *os.File) error {
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return errTaken
	}
	return nil
}
