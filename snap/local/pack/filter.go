package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// filter is a `stage` or `prime` list: patterns of what goes on, with a minus of what stays behind, which wins. A pattern
// that matches a directory means all that is in it; a star stays within one name. No pattern without a minus: everything.
type filter []string

// lets says whether the file at name, relative to the part's tree with slashes, goes on.
func (f filter) lets(name string) bool {
	in, some := false, false
	for _, pattern := range f {
		if without, ok := strings.CutPrefix(pattern, "-"); ok {
			if covers(without, name) {
				return false
			}
			continue
		}
		some = true
		in = in || covers(pattern, name)
	}
	return in || !some
}

// covers says whether pattern matches name or a directory above it.
func covers(pattern, name string) bool {
	for ; name != "."; name = path.Dir(name) {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}

// move brings what f lets through from one tree to the other and refuses to write over another part's file.
func (f filter) move(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		below, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		if !f.lets(filepath.ToSlash(below)) {
			return nil
		}
		target := filepath.Join(to, below)
		if _, err := os.Lstat(target); err == nil {
			return fmt.Errorf("cannot bring %s along: another part has a file of that name", below)
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.Rename(file, target)
	})
}

// organize renames files and directories within the tree. A target that ends with a slash is a directory to move to.
func organize(tree string, renames map[string]string) error {
	for pattern, to := range renames {
		found, err := filepath.Glob(filepath.Join(tree, pattern))
		if err != nil {
			return fmt.Errorf("cannot organize %q: %w", pattern, err)
		}
		if len(found) == 0 || len(found) > 1 && !strings.HasSuffix(to, "/") {
			return fmt.Errorf("cannot organize %q to %q: it matches %d files", pattern, to, len(found))
		}
		for _, from := range found {
			target := filepath.Join(tree, to)
			if strings.HasSuffix(to, "/") {
				target = filepath.Join(target, filepath.Base(from))
			}
			if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
				return err
			}
			if err := os.Rename(from, target); err != nil {
				return err
			}
		}
	}
	return nil
}
