//go:build !linux

package snap

import "os"

// Drop does nothing: there are snaps on Linux only.
func Drop(map[string]os.FileMode) error { return nil }
