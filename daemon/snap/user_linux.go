package snap

import (
	"errors"
	"fmt"
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

// giveAway makes dir and gives it away with everything below, unless that was done before. The other service may be doing
// the same at this moment.
func giveAway(dir string, mode os.FileMode) error {
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	if given(dir) {
		return nil // root in a snap could not even look into it
	}
	// What is below first: afterwards there is no way in.
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		return os.Lchown(path, daemonUser, daemonUser)
	})
	if err == nil {
		err = os.Lchown(dir, daemonUser, daemonUser)
	}
	if given(dir) {
		return nil // the other one was faster, and had given away what is below before
	}
	return err
}

func given(dir string) bool {
	var stat syscall.Stat_t
	return syscall.Lstat(dir, &stat) == nil && stat.Uid == daemonUser
}
