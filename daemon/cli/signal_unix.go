//go:build unix

package cli

import "syscall"

// hangup is the signal that asks for the configuration to be read again.
const hangup = syscall.SIGHUP
