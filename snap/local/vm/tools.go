//go:build linux

package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tools maps each program that is called to the Debian package that has it.
func tools() map[string]string {
	return map[string]string{
		"debootstrap":        "debootstrap",
		"mke2fs":             "e2fsprogs",
		"mksquashfs":         "squashfs-tools",
		"qemu-system-x86_64": "qemu-system-x86",
		"qemu-img":           "qemu-utils",
		"ssh":                "openssh-client",
	}
}

// ensureTools installs what is missing through the project's own script, root being the module's directory.
func ensureTools(ctx context.Context, root string) error {
	if os.Geteuid() != 0 {
		return errors.New("cannot make a virtual machine: it takes root's rights to unpack Debian (run it as root)")
	}
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin"); err != nil { // Debian keeps half of them there
		return err
	}
	var missing []string
	for program, name := range tools() {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return call(ctx, filepath.Join(root, ".ci", "apt"), missing...)
}

// moduleRoot is the directory of go.mod, above the working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("cannot find go.mod above the working directory (run it from within the project)")
		}
		dir = filepath.Dir(dir)
	}
}

// call runs a program to its end and reports what it said if it failed.
func call(ctx context.Context, name string, args ...string) error {
	_, err := ask(ctx, name, args...)
	return err
}

// ask runs a program to its end and returns what it printed on standard output.
func ask(ctx context.Context, name string, args ...string) (string, error) {
	return askWith(ctx, nil, name, args...)
}

// askWith is ask with something on the program's standard input.
func askWith(ctx context.Context, stdin io.Reader, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = stdin
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	var out, all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &all
	if err := cmd.Run(); err != nil {
		all.Write(out.Bytes())
		return "", fmt.Errorf("cannot run %s: %w:\n%s", name, err, tail(all.String(), 20))
	}
	return out.String(), nil
}

// tail is the last n lines of a text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
