//go:build unix && !linux

package main

import "syscall"

// endsWithUs keeps the terminal's Ctrl-C from the node: stop ends it in order.
func endsWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
