package acl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// TakeLock takes the broker's lock for this process. The lock belongs to the
// process and its file stays open over exec, so the Mosquitto that this
// process becomes holds it until it ends; nothing has to clean up after a
// crash. Keep the returned file, and open the path nowhere else in this
// process: closing any descriptor of it gives the lock up. The directory is
// made, with mode 0700, if it is not there.
func TakeLock(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the directory of the broker's lock: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the broker's lock: %w", err)
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	err = unix.FcntlFlock(f.Fd(), unix.F_SETLK, &lock)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		pid, _ := holder(f)
		f.Close()
		return nil, fmt.Errorf("cannot take the broker's lock %s: process %d holds it (is another broker running on this directory?)", path, pid)
	}
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_SETFD, 0) // Go sets close-on-exec
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot take the broker's lock %s: %w", path, err)
	}
	return f, nil
}

// LockHolder returns the pid of the process that holds the lock, 0 if nobody
// does. A caller that holds it itself is not seen, and would lose it.
func LockHolder(path string) (int, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cannot open the broker's lock: %w", err)
	}
	defer f.Close()
	return holder(f)
}

func holder(f *os.File) (int, error) {
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err != nil {
		return 0, fmt.Errorf("cannot ask who holds the broker's lock: %w", err)
	}
	if lock.Type == unix.F_UNLCK {
		return 0, nil
	}
	return int(lock.Pid), nil
}
