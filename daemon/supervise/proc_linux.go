package supervise

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// ownGroup puts a process into a group of its own, so that Ctrl-C reaches the supervisor alone and the order of
// ending stays its own; and has the kernel end the process should the supervisor be killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// startTied starts cmd and reports its end. The kernel sends the parent-death signal when the thread that started
// the process ends, not the process of that thread: the starting goroutine therefore keeps its thread until then.
func startTied(cmd *exec.Cmd, ended chan<- error) error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		ended <- cmd.Wait()
	}()
	return <-started
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
