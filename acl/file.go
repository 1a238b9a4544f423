package acl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Names of the files in the broker's directory.
const (
	aclName    = "acl"
	passwdName = "passwd"
	confName   = "mosquitto.conf"
	socketName = "broker.sock"
)

// LockName is the file in the broker's directory whose lock tells who the
// broker is.
const LockName = "lock"

// ReplaceFile puts data in place of dir/name so that a reader, and a machine
// that loses power, sees the old content or the new one and nothing else:
// temporary file in the same directory with mode 0600, write, fsync, rename,
// fsync of the directory. What stands in the way is replaced and never
// followed: a symbolic link itself, a directory with what it holds.
func ReplaceFile(dir, name string, data []byte) error {
	tmp, err := stage(dir, name, data)
	if err != nil {
		return err
	}
	if err := putInPlace(dir, name, tmp); err != nil {
		return err
	}
	return syncDir(dir)
}

// stage writes data durably beside dir/name and returns the path.
func stage(dir, name string, data []byte) (string, error) {
	if name != filepath.Base(name) || name == "." || name == ".." {
		return "", fmt.Errorf("cannot replace %q: a plain file name is needed", name)
	}
	f, err := os.CreateTemp(dir, "."+name+".*"+tempSuffix) // O_EXCL, 0600
	if err != nil {
		return "", fmt.Errorf("cannot write %s: %w (is the directory there and ours?)", name, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return "", fmt.Errorf("cannot write %s: %w (is the disk full?)", name, err)
	}
	return f.Name(), nil
}

// putInPlace renames a staged file; on failure it removes it.
func putInPlace(dir, name, tmp string) error {
	path := filepath.Join(dir, name)
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		if err := os.RemoveAll(path); err != nil { // does not follow links
			os.Remove(tmp)
			return fmt.Errorf("cannot remove the directory in place of %s: %w", name, err)
		}
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return fmt.Errorf("cannot replace %s: %w", name, err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("cannot open the directory %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("cannot make the directory %s durable: %w", dir, err)
	}
	return nil
}

const tempSuffix = ".tmp"

// tempAge is how old a temporary file must be before it counts as left over
// by a process that died: one is renamed within seconds.
const tempAge = time.Minute

// sweep removes what killed writers left behind. Failing is harmless: the
// leftovers cost only space.
func sweep(dir string, now time.Time) {
	left, _ := filepath.Glob(filepath.Join(dir, ".*"+tempSuffix))
	for _, path := range left {
		base := filepath.Base(path)
		if !strings.HasPrefix(base, "."+aclName) && !strings.HasPrefix(base, "."+passwdName) && !strings.HasPrefix(base, "."+confName) {
			continue
		}
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && now.Sub(info.ModTime()) > tempAge {
			os.Remove(path)
		}
	}
}

// readRegular reads a regular file of at most maxFile bytes and follows no
// link at its end.
func readRegular(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is not a regular file of at most %d bytes", filepath.Base(path), maxFile)
	}
	return os.ReadFile(path)
}

// discard removes a staged file that is not needed; it may be gone already.
func discard(tmp string) {
	os.Remove(tmp)
}
