//go:build crashpoints

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// crashStep kills the process with SIGKILL at the step that the file `at` in the directory WATTGATE_CRASH_DIR names, once:
// the file is removed first. With "hang " before the step's name it stops there for ever instead. Every step that was passed is a line of the file `steps` beside it. Only tests build this
// in, to prove that a gateway may die between any two steps.
func crashStep() func(string) {
	dir := os.Getenv("WATTGATE_CRASH_DIR")
	if dir == "" {
		return nil
	}
	at := filepath.Join(dir, "at")
	return func(name string) {
		note(filepath.Join(dir, "steps"), name)
		wanted, err := os.ReadFile(at)
		step, hang := strings.CutPrefix(strings.TrimSpace(string(wanted)), "hang ")
		if err != nil || step != name || os.Remove(at) != nil {
			return
		}
		if hang { // the goroutine that got here never gets any further
			select {}
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way; nothing more may happen
	}
}

func note(file, name string) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	_, _ = f.WriteString(name + "\n")
	_ = f.Close()
}
