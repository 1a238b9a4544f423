package stardusttest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Build returns the program privatenet, built before or now. What go build says on the way goes to out. When several
// programs ask at once one builds and the others wait.
func Build(ctx context.Context, out io.Writer) (program string, err error) {
	source, err := source(ctx)
	if err != nil {
		return "", err
	}
	key, err := keyOf(source)
	if err != nil {
		return "", fmt.Errorf("cannot build the private network: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "wattgate-privatenet")
	program = filepath.Join(cache, key, "privatenet")
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(cache, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	fmt.Fprintln(out, "building the private IOTA network: the first time this takes some six minutes")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program+".new", ".")
	cmd.Dir, cmd.Stdout, cmd.Stderr = source, out, out
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("cannot build the private network: %w", err)
	}
	sweep(cache, key)
	return program, os.Rename(program+".new", program)
}

// source is the directory of the module privatenet.
func source(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", "github.com/wattgate/wattgate/billing/stardust")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("cannot find the private network's source: %w (run it inside the project)", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "privatenet"), nil
}

// keyOf names what the program would be built from.
func keyOf(source string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	files, err := filepath.Glob(filepath.Join(source, "*"))
	if err != nil {
		return "", err
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, filepath.Base(name), len(raw))
		sum.Write(raw)
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:8]), nil
}

// sweep removes programs that were built from other sources more than a week ago; one may still be running.
func sweep(cache, keep string) {
	old, _ := filepath.Glob(filepath.Join(cache, "*", "privatenet"))
	for _, program := range old {
		info, err := os.Stat(program)
		if err == nil && filepath.Base(filepath.Dir(program)) != keep && time.Since(info.ModTime()) > 7*24*time.Hour {
			os.RemoveAll(filepath.Dir(program))
		}
	}
}
