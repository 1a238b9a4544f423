package broker

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// become replaces this process. The kernel keeps the parent-death signal per thread, and the thread that calls exec is
// seldom the one that was started with it: whoever is tied to his parent has to ask again.
func become(tied bool, binary string, args []string) error {
	runtime.LockOSThread()
	if tied {
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0, 0, 0); err != nil {
			return fmt.Errorf("cannot tie the broker to its supervisor: %w", err)
		}
	}
	return syscall.Exec(binary, args, os.Environ())
}
