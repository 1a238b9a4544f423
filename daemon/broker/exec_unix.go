//go:build unix

package broker

import (
	"os"
	"syscall"
)

func become(binary string, args []string) error { return syscall.Exec(binary, args, os.Environ()) }
