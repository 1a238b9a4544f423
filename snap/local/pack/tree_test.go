//go:build linux

package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// plant makes files with their own names as text; a name that ends with a slash is a directory.
func plant(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func leaves(t *testing.T, dir string) []string {
	t.Helper()
	all := []string{}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		below, err := filepath.Rel(dir, file)
		all = append(all, below)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFiltersLetThroughWhatTheyName(t *testing.T) {
	names := []string{"bin/a", "usr/lib/x86/deep/libone.so", "usr/lib/x86/libone.so.1", "usr/lib/x86/libtwo.so.1", "usr/share/doc/a/copyright"}
	for _, c := range []struct {
		f    filter
		want []string
	}{
		{nil, names},
		{filter{"-bin"}, names[1:]},
		{filter{"bin", "usr/share"}, []string{names[0], names[4]}},
		{filter{"usr/lib/*/lib*.so*", "-usr/lib/*/libtwo*"}, names[2:3]},
		{filter{"usr/lib/*/deep"}, names[1:2]},
		{filter{"usr/lib/x86/libone.so"}, []string{}},
	} {
		from, to := t.TempDir(), t.TempDir()
		plant(t, from, names...)
		if err := c.f.move(from, to); err != nil {
			t.Fatal(err)
		}
		if got := leaves(t, to); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.f, got, c.want)
		}
	}
}

func TestPartsDoNotWriteOverEachOther(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	plant(t, from, "bin/a")
	plant(t, to, "bin/a")
	if err := filter(nil).move(from, to); err == nil || !strings.Contains(err.Error(), "bin/a") {
		t.Errorf("%v", err)
	}
}

func TestOrganizeRenames(t *testing.T) {
	for _, c := range []struct {
		renames map[string]string
		want    []string
	}{
		{map[string]string{"dist/a": "bin/b"}, []string{"bin/b", "dist/c"}},
		{map[string]string{"dist": "page"}, []string{"page/a", "page/c"}},
		{map[string]string{"dist/*": "page/"}, []string{"page/a", "page/c"}},
		{map[string]string{"dist/*": "page"}, nil},
		{map[string]string{"dist/x": "page"}, nil},
	} {
		dir := t.TempDir()
		plant(t, dir, "dist/a", "dist/c")
		err := organize(dir, c.renames)
		if (err != nil) != (c.want == nil) {
			t.Errorf("%v: %v", c.renames, err)
		}
		if err == nil && !slices.Equal(leaves(t, dir), c.want) {
			t.Errorf("%v: %q, want %q", c.renames, leaves(t, dir), c.want)
		}
	}
}

// Each of these a reviewer would refuse; the tree without them he would not.
func TestFaultsOfATreeAreSeen(t *testing.T) {
	faults := map[string]func(dir string) error{
		"changes the user":  func(dir string) error { return os.Chmod(filepath.Join(dir, "bin/a"), fs.ModeSetuid|0o755) },
		"by anybody":        func(dir string) error { return os.Chmod(filepath.Join(dir, "bin/a"), 0o757) },
		"services' user":    func(dir string) error { return os.Chmod(filepath.Join(dir, "bin/a"), 0o750) },
		"outside the snap":  func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "bin/b")) },
		"../../etc":         func(dir string) error { return os.Symlink("../../etc/passwd", filepath.Join(dir, "bin/b")) },
		"which is not":      func(dir string) error { return os.Symlink("c", filepath.Join(dir, "bin/b")) },
		"for developers":    func(dir string) error { return os.Rename(filepath.Join(dir, "bin/a"), filepath.Join(dir, "bin/a.h")) },
		"neither a file":    func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "bin/b"), 0o644) },
		"bin cannot be rea": func(dir string) error { return os.Chmod(filepath.Join(dir, "bin"), 0o700) },
	}
	for _, want := range slices.Sorted(maps.Keys(faults)) {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		plant(t, dir, "bin/a")
		if err := os.Symlink("a", filepath.Join(dir, "bin/good")); err != nil {
			t.Fatal(err)
		}
		if bad, err := inspect(dir); err != nil || len(bad) > 0 {
			t.Fatalf("%q %v", bad, err)
		}
		if want == "for developers" {
			if err := os.Remove(filepath.Join(dir, "bin/good")); err != nil {
				t.Fatal(err)
			}
		}
		if err := faults[want](dir); err != nil {
			t.Fatal(err)
		}
		bad, err := inspect(dir)
		if err != nil || len(bad) != 1 || !strings.Contains(bad[0], want) {
			t.Errorf("%s: %q %v", want, bad, err)
		}
	}
}
