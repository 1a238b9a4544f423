package acl

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// stamp is what changes when anybody touches a file: ctime cannot be set back
// by its owner.
type stamp struct {
	dev, ino, mode       uint64
	size                 int64
	mtimeSec, mtimeNanos int64
	ctimeSec, ctimeNanos int64
}

// stampOf reads the stamp of a regular file without following links.
func stampOf(path string) (stamp, error) {
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		return stamp{}, fmt.Errorf("cannot see %s: %w", filepath.Base(path), err)
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return stamp{}, fmt.Errorf("%s is not a regular file: %w", filepath.Base(path), os.ErrInvalid)
	}
	// The widths of these fields differ between the architectures.
	return stamp{
		dev: uint64(st.Dev), ino: uint64(st.Ino), mode: uint64(st.Mode), size: int64(st.Size),
		mtimeSec: int64(st.Mtim.Sec), mtimeNanos: int64(st.Mtim.Nsec),
		ctimeSec: int64(st.Ctim.Sec), ctimeNanos: int64(st.Ctim.Nsec),
	}, nil
}
