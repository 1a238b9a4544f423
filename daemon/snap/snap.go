package snap

import (
	"os"
	"path/filepath"
)

// name is the snap's name in snapcraft.yaml. Environment variables of another snap (a terminal inside an editor's snap
// has them too) say nothing about us.
const name = "wattgate"

// Inside says whether this process runs in the snap, as a service, a hook or a command.
func Inside() bool { return os.Getenv("SNAP") != "" && os.Getenv("SNAP_NAME") == name }

// Instance is what the owner calls this installation: the snap's name, with a suffix where several are installed side by
// side. Outside the snap it is the snap's name.
func Instance() string {
	if instance := os.Getenv("SNAP_INSTANCE_NAME"); Inside() && instance != "" {
		return instance
	}
	return name
}

// StateDir is what survives a refresh and a revert. It lies below $SNAP_COMMON: that directory itself belongs to root and
// cannot be given away.
func StateDir() string { return filepath.Join(os.Getenv("SNAP_COMMON"), "state") }

// RuntimeDir is what belongs to this revision.
func RuntimeDir() string { return filepath.Join(os.Getenv("SNAP_DATA"), "run") }
