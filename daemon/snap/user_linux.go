package snap

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// daemonUser is the number of the user and of the group snap_daemon, which snapd makes for snaps that ask for it. It is the
// same on every machine (snapd's documentation of system-usernames), and no user list inside the snap is sure to have it.
const daemonUser = 584788

// Drop makes the directories, gives them and what lies in them to snap_daemon, and goes on as that user with no way back. A
// process that is not root in the snap is left as it is.
//
// The services never run as two users: confined, not even root may signal another user's process or read its files.
func Drop(dirs map[string]os.FileMode) error {
	if !Inside() || os.Geteuid() != 0 {
		return nil
	}
	lock, err := alone()
	if err != nil {
		return fmt.Errorf("cannot wait for the other service: %w", err)
	}
	defer lock.Close()
	for dir, mode := range dirs {
		if err := giveAway(dir, mode); err != nil {
			return fmt.Errorf("cannot give %s to the user snap_daemon: %w", dir, err)
		}
	}
	// In this order: each step needs the rights that the next one gives up.
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("cannot leave root's groups: %w", err)
	}
	if err := syscall.Setresgid(daemonUser, daemonUser, daemonUser); err != nil {
		return fmt.Errorf("cannot become the group snap_daemon: %w", err)
	}
	if err := syscall.Setresuid(daemonUser, daemonUser, daemonUser); err != nil {
		return fmt.Errorf("cannot become the user snap_daemon: %w", err)
	}
	if err := syscall.Setuid(0); err == nil {
		return errors.New("cannot go on: root's rights came back after they were given up")
	}
	// The kernel gives /proc/self to root when a process changes its user, and confinement lets us read our own only.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot take /proc/self along to the user snap_daemon: %w", err)
	}
	return nil
}

// alone waits until the other service is done with the same: whoever came second would be looking into a directory just
// given away, which is refused and recorded. The lock ends with the file that is returned.
func alone() (io.Closer, error) {
	f, err := os.OpenFile(filepath.Join(os.Getenv("SNAP_DATA"), ".giving"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// giveAway makes dir and gives it away with everything below, unless that was done before.
func giveAway(dir string, mode os.FileMode) error {
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	var stat syscall.Stat_t
	if err := syscall.Lstat(dir, &stat); err != nil {
		return err
	}
	if stat.Uid == daemonUser {
		return nil // root in a snap could not even look into it
	}
	// What is below first: afterwards there is no way in.
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		return os.Lchown(path, daemonUser, daemonUser)
	})
	if err != nil {
		return err
	}
	return os.Lchown(dir, daemonUser, daemonUser)
}
