package control

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel who opened the connection; unknown when it does not say.
func peerOf(c net.Conn) peer {
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return peer{}
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return peer{}
	}
	var p peer
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			p = peer{uid: int(cred.Uid), known: true}
		}
	})
	return p
}
