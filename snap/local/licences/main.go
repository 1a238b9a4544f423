package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// program is what is shipped; what it does not link needs no notice.
const program = "./daemon/cmd/wattgate"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./snap/local/licences DIR (from the repository's top directory)")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	sources, err := linked()
	if err != nil {
		return err
	}
	for name, source := range sources {
		if err := keep(filepath.Join(dir, name), source); err != nil {
			return fmt.Errorf("cannot keep the licence of %s: %w", name, err)
		}
	}
	return nil
}

// linked maps the name under which a licence is kept to the directory where it is found: wattgate itself under the name
// that Debian's packages use, Go's library as "go", each module under its path.
func linked() (map[string]string, error) {
	root, err := output("go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	list, err := output("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}", program)
	if err != nil {
		return nil, err
	}
	sources := map[string]string{"wattgate": ".", "go": root}
	for line := range strings.Lines(list) {
		if path, dir, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			sources[path] = dir
		}
	}
	return sources, nil
}

func output(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("cannot run %s %s: %w: %s", name, strings.Join(args, " "), err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

// keep copies what source says about its licence to the directory to.
func keep(to, source string) error {
	entries, err := os.ReadDir(source)
	if err != nil {
		return err
	}
	found := false
	for _, e := range entries {
		if !e.Type().IsRegular() || !isLicence(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(source, e.Name()))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), text, 0o644); err != nil {
			return err
		}
		found = true
	}
	if !found {
		return fmt.Errorf("%s has no file LICENSE, COPYING or NOTICE (look at how it is licensed before it is shipped)", source)
	}
	return nil
}

// isLicence says whether a file of that name holds terms or a notice that must travel along.
func isLicence(name string) bool {
	base, _, _ := strings.Cut(strings.ToUpper(name), ".")
	base, _, _ = strings.Cut(base, "-") // LICENSE-3RD-PARTY.md
	return slices.Contains([]string{"LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "PATENTS"}, base)
}
