package acl

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// peerPID names the process that listens at the other end of a unix socket.
// It ties a login to the broker that holds the lock.
func peerPID(conn net.Conn) (int, error) {
	u, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, errors.New("cannot ask who listens: not a unix socket")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("cannot ask who listens: %w", err)
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, credErr); err != nil {
		return 0, fmt.Errorf("cannot ask who listens: %w", err)
	}
	return int(cred.Pid), nil
}
