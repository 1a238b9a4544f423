//go:build !unix

package cli

import "syscall"

// hangup never arrives where there is no SIGHUP; the gateway runs on Linux only.
const hangup = syscall.Signal(1)
