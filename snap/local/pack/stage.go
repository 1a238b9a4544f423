package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// inBase are packages that core24 is made of, besides others. With what they depend on they hold everything of
// Mosquitto's that core24 has; snapcraft never stages what the base has.
func inBase() []string {
	return []string{"base-files", "bash", "coreutils", "dash", "findutils", "grep", "openssh-server", "sed", "systemd", "util-linux"}
}

// stock is what the packages of a part come to: the files that are staged, and the base's packages among them.
type stock struct {
	owner map[string]string // staged file, relative to the part's tree, to the package that it comes from
	base  map[string]string // package of the base to the directory where it is laid out, to look for libraries
}

// stage lays out in install what the packages need and the base lacks. work is scratch.
func (a apt) stage(ctx context.Context, packages []string, install, work string) (stock, error) {
	s := stock{owner: map[string]string{}, base: map[string]string{}}
	wanted, err := a.closure(ctx, packages)
	if err != nil {
		return s, err
	}
	has, err := a.closure(ctx, inBase())
	if err != nil {
		return s, err
	}
	for _, d := range wanted {
		inBase := slices.Contains(has, d)
		dir := filepath.Join(work, "staged", d.name)
		if inBase {
			dir = filepath.Join(work, "base", d.name)
			s.base[d.name] = dir
		}
		if err := a.unpack(ctx, d, dir); err != nil {
			return s, err
		}
		if inBase {
			continue
		}
		if err := s.own(d.name, dir); err != nil {
			return s, err
		}
		if err := filter(nil).move(dir, install); err != nil {
			return s, err
		}
	}
	return s, nil
}

// own notes which files come from the package laid out in dir.
func (s stock) own(name, dir string) error {
	return filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		below, err := filepath.Rel(dir, file)
		s.owner[filepath.ToSlash(below)] = name
		return err
	})
}

// unlicensed are the packages of which something but documentation is in prime, and whose copyright file is not.
func (s stock) unlicensed(prime string) []string {
	var missing []string
	for file, name := range s.owner {
		if filter([]string{"usr/share/doc"}).lets(file) || slices.Contains(missing, name) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(prime, file)); err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(prime, "usr/share/doc", name, "copyright")); err != nil {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing
}

// cacheDir is where packages are kept between runs.
func cacheDir() (string, error) {
	user, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cannot keep packages: %w (hint: set XDG_CACHE_HOME)", err)
	}
	return filepath.Join(user, "wattgate", "snap"), nil
}
