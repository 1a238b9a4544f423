package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxSnap is the size that a snap may have, in bytes: what an owner with a slow line waits for.
const maxSnap = 25e6

// inspect lists what a reviewer would refuse about the files of a tree.
func inspect(prime string) ([]string, error) {
	var bad []string
	say := func(file, what string) { bad = append(bad, file+" "+what) }
	err := filepath.WalkDir(prime, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(prime, file)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := info.Mode()
		switch {
		case mode&fs.ModeSymlink != 0:
			if why := badLink(prime, file); why != "" {
				say(below, why)
			}
			return nil
		case !mode.IsDir() && !mode.IsRegular():
			say(below, "is neither a file nor a directory")
		}
		if mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			say(below, "changes the user or group of who runs it")
		}
		if mode.Perm()&0o002 != 0 {
			say(below, "may be written by anybody")
		}
		if mode.Perm()&0o004 == 0 || mode.IsDir() && mode.Perm()&0o001 == 0 {
			say(below, "cannot be read by the services' user")
		}
		if development(below, mode.IsDir()) {
			say(below, "is for developers")
		}
		return nil
	})
	return bad, err
}

// badLink says what is wrong with a symbolic link: in the snap it must lead to a file of the snap.
func badLink(prime, link string) string {
	to, err := os.Readlink(link)
	if err != nil {
		return err.Error()
	}
	if filepath.IsAbs(to) {
		return "is a link to " + to + ", outside the snap"
	}
	below, err := filepath.Rel(prime, filepath.Join(filepath.Dir(link), to))
	if err != nil || !filepath.IsLocal(below) {
		return "is a link to " + to + ", outside the snap"
	}
	if _, err := os.Stat(link); err != nil {
		return "is a link to " + to + ", which is not there"
	}
	return ""
}

// A directory may be named like a source: licences lie under the names of modules, and some end in .go.
func development(name string, isDir bool) bool {
	switch filepath.Ext(name) {
	case ".a", ".la", ".h", ".pc", ".go", ".py":
		return !isDir
	}
	return strings.HasPrefix(name, "usr/include/") || strings.HasPrefix(name, "usr/share/man/")
}

// hookFaults lists what is wrong with the text of a hook: it must be a plain script that leaves everything to the binary.
func hookFaults(text string) []string {
	var bad []string
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != "#!/bin/sh" {
		bad = append(bad, "does not begin with #!/bin/sh")
	}
	if len(lines) < 2 || lines[1] != "set -e" {
		bad = append(bad, "goes on after a command that failed: its second line is not `set -e`")
	}
	if strings.Contains(text, "SNAP_NAME") {
		bad = append(bad, "says $SNAP_NAME: parallel installations have an instance name")
	}
	for i, line := range lines {
		if unquoted(line) {
			bad = append(bad, fmt.Sprintf("line %d uses a variable outside quotes", i+1))
		}
	}
	return bad
}

// unquoted says whether a line of a shell script expands a variable where its blanks would split it.
func unquoted(line string) bool {
	single, double := false, false
	for i, c := range line {
		switch {
		case c == '\'' && !double:
			single = !single
		case c == '"' && !single:
			double = !double
		case c == '#' && !single && !double && (i == 0 || line[i-1] == ' '):
			return false
		case c == '$' && !single && !double:
			return true
		}
	}
	return false
}
