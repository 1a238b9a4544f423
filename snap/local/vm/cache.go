//go:build linux

package vm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// unused is for how long a stage that nobody asks for any more is kept.
const unused = 7 * 24 * time.Hour

// cache keeps the stages as directories NAME-KEY. One process at a time makes or looks for stages in it.
type cache struct {
	dir  string
	lock *os.File
	log  io.Writer
}

// openCache waits until no other process makes stages. close lets the next one in; what it found stays usable.
func openCache(log io.Writer) (*cache, error) {
	user, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("cannot keep the pieces of the virtual machine: %w", err)
	}
	dir := filepath.Join(user, "wattgate", "snapvm")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot keep the pieces of the virtual machine: %w", err)
	}
	lock, err := os.Create(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", dir, err)
	}
	c := &cache{dir, lock, log}
	c.sweep()
	return c, nil
}

func (c *cache) close() { c.lock.Close() }

// sweep removes what a killed process left half made or running (its QEMU ended with it), and what no recipe has asked for in a week.
func (c *cache) sweep() {
	guests, _ := filepath.Glob(filepath.Join(os.TempDir(), guestPrefix+"*-*"))
	for _, dir := range guests {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), guestPrefix), "-")
		if _, err := os.Stat(filepath.Join("/proc", pid)); errors.Is(err, os.ErrNotExist) {
			os.RemoveAll(dir)
		}
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() {
			continue
		}
		if strings.HasSuffix(e.Name(), ".half") || time.Since(info.ModTime()) > unused {
			os.RemoveAll(filepath.Join(c.dir, e.Name()))
		}
	}
}

// stage returns the directory of a stage, and makes it first if it is not there: build fills an empty directory.
func (c *cache) stage(name, key string, build func(dir string) error) (string, error) {
	dir := filepath.Join(c.dir, name+"-"+key)
	if _, err := os.Stat(dir); err == nil {
		now := time.Now()
		return dir, os.Chtimes(dir, now, now)
	}
	fmt.Fprintf(c.log, "vm: making the stage %s (%s)\n", name, key)
	start := time.Now()
	half := dir + ".half"
	if err := os.MkdirAll(half, 0o755); err != nil {
		return "", err
	}
	if err := build(half); err != nil {
		os.RemoveAll(half)
		return "", fmt.Errorf("cannot make the stage %s: %w", name, err)
	}
	if err := os.Rename(half, dir); err != nil {
		return "", err
	}
	fmt.Fprintf(c.log, "vm: the stage %s took %.0f s\n", name, time.Since(start).Seconds())
	return dir, nil
}
