//go:build !linux

package supervise

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup asks for nothing: the gateway runs on Linux only, elsewhere the binary is the buyer's tool.
func ownGroup() *syscall.SysProcAttr { return nil }

func startTied(cmd *exec.Cmd, ended chan<- error) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { ended <- cmd.Wait() }()
	return nil
}

func terminate(p *os.Process) error { return p.Kill() }
