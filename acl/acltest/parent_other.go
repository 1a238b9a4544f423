//go:build !linux

package acltest

import "syscall"

func dieWithParent() *syscall.SysProcAttr { return nil }
