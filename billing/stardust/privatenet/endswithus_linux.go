package main

import "syscall"

// endsWithUs ends the node when this process is killed, and keeps the terminal's Ctrl-C from it: stop does that in order.
func endsWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
