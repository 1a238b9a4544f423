package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// library is a shared library or a program, with the names of the libraries that it asks for.
type library struct {
	file    string
	from    string // the package of the base that it comes from; empty: the snap
	program bool
	needs   []string
}

// linkage is what the loader would make of a tree.
type linkage struct {
	missing []string // "FILE needs NAME"
	unused  []string // libraries of the snap that no program asks for
	base    []string // packages of the base that something in the snap leans on
}

// link follows every program in prime through the libraries in prime and in the base's packages.
func link(prime string, base map[string]string) (linkage, error) {
	var l linkage
	own, err := elves(prime, "")
	if err != nil {
		return l, err
	}
	byName := map[string]library{} // the snap's own wins, as LD_LIBRARY_PATH has it
	for _, name := range slices.Sorted(maps.Keys(base)) {
		found, err := elves(base[name], name)
		if err != nil {
			return l, err
		}
		for _, lib := range found {
			byName[filepath.Base(lib.file)] = lib
		}
	}
	var ask []library
	for _, lib := range own {
		if lib.program {
			ask = append(ask, lib)
			continue
		}
		byName[filepath.Base(lib.file)] = lib
	}
	used := map[string]bool{}
	for len(ask) > 0 {
		lib := ask[0]
		ask = ask[1:]
		for _, name := range lib.needs {
			found, ok := byName[name]
			switch {
			case !ok:
				l.missing = append(l.missing, fmt.Sprintf("%s needs %s", lib.file, name))
			case !used[name]:
				used[name] = true
				ask = append(ask, found)
				if found.from != "" && !slices.Contains(l.base, found.from) {
					l.base = append(l.base, found.from)
				}
			}
		}
	}
	for _, lib := range own {
		if !lib.program && !used[filepath.Base(lib.file)] && !reached(prime, lib.file, used) {
			l.unused = append(l.unused, lib.file)
		}
	}
	slices.Sort(l.missing)
	slices.Sort(l.base)
	return l, nil
}

// reached says whether a link of a used name points at the file: libraries lie under their full version and are asked for
// by a shorter one.
func reached(prime, file string, used map[string]bool) bool {
	dir := filepath.Join(prime, filepath.Dir(file))
	for name := range used {
		if to, err := os.Readlink(filepath.Join(dir, name)); err == nil && to == filepath.Base(file) {
			return true
		}
	}
	return false
}

// elves are the programs and libraries of a tree, links to libraries included.
func elves(root, from string) ([]library, error) {
	var all []library
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		below, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		lib, err := open(file)
		if errors.Is(err, errNoELF) {
			return nil
		}
		lib.file, lib.from = below, from
		if d.Type()&fs.ModeSymlink != 0 && lib.program {
			return err
		}
		all = append(all, lib)
		return err
	})
	return all, err
}

var errNoELF = errors.New("neither a program nor a library")

// open reads what a file asks the loader for.
func open(file string) (library, error) {
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return library{}, errNoELF // a link into nowhere is found elsewhere
	}
	f, err := elf.Open(file)
	if err != nil {
		if _, bad := errors.AsType[*elf.FormatError](err); bad || errors.Is(err, io.EOF) {
			return library{}, errNoELF
		}
		return library{}, fmt.Errorf("cannot read %s: %w", file, err)
	}
	defer func() { _ = f.Close() }()
	needs, err := f.ImportedLibraries()
	if err != nil {
		return library{}, fmt.Errorf("cannot read what %s needs: %w", file, err)
	}
	program := f.Type == elf.ET_EXEC
	for _, p := range f.Progs {
		program = program || p.Type == elf.PT_INTERP
	}
	// The C library can be run as a program, too.
	if strings.Contains(filepath.Base(file), ".so") {
		program = false
	}
	return library{program: program, needs: needs}, nil
}
