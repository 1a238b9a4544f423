package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// deb is one package of the distribution.
type deb struct{ name, version, arch string }

// apt asks the machine's package manager as if the machine were empty and of the wanted architecture.
type apt struct {
	arch  string
	cache string // packages and lists are kept here between runs
	lists bool   // with lists of our own: the machine's do not know the architecture
}

// listsAge is how old our own lists may be before they are fetched again.
const listsAge = 24 * time.Hour

func (a apt) options() []string {
	// Nothing is installed, so everything that is needed is named; the machine's own caches stay as they are.
	o := []string{
		"-o", "Dir::State::status=/dev/null", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=",
		"-o", "APT::Architecture=" + a.arch, "-o", "APT::Architectures=" + a.arch, "-o", "APT::Sandbox::User=",
	}
	if a.lists {
		o = append(o, "-o", "Dir::State::lists="+filepath.Join(a.cache, "lists-"+a.arch))
	}
	return o
}

func (a apt) run(ctx context.Context, dir, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, append(a.options(), args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(string(exit.Stderr)))
	}
	return string(out), err
}

// update fetches lists of our own, from wherever the machine gets its packages.
func (a apt) update(ctx context.Context) error {
	stamp := filepath.Join(a.cache, "lists-"+a.arch, "fetched")
	if info, err := os.Stat(stamp); err == nil && time.Since(info.ModTime()) < listsAge {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(filepath.Dir(stamp), "partial"), 0o755); err != nil {
		return err
	}
	if _, err := a.run(ctx, "", "apt-get", "-q", "update"); err != nil {
		return err
	}
	return os.WriteFile(stamp, nil, 0o644)
}

// chosen is a line of apt's answer: Inst NAME (VERSION ORIGIN [ARCH]).
var chosen = regexp.MustCompile(`(?m)^Inst (\S+) \((\S+) .*\[(\w+)\]\)`)

// closure is names with all that they depend on, as apt itself would choose it.
func (a apt) closure(ctx context.Context, names []string) ([]deb, error) {
	out, err := a.run(ctx, "", "apt-get", append([]string{"--simulate", "--no-install-recommends", "install"}, names...)...)
	if err != nil {
		return nil, err
	}
	var all []deb
	for _, m := range chosen.FindAllStringSubmatch(out, -1) {
		all = append(all, deb{name: m[1], version: m[2], arch: m[3]})
	}
	if len(all) < len(names) {
		return nil, fmt.Errorf("cannot read apt's answer about %s: %q", strings.Join(names, " "), out)
	}
	return all, nil
}

// fetch returns the file of a package, from the cache if it is there.
func (a apt) fetch(ctx context.Context, d deb) (string, error) {
	kept := filepath.Join(a.cache, "debs", fmt.Sprintf("%s_%s_%s.deb", d.name, strings.ReplaceAll(d.version, ":", "%3a"), d.arch))
	if _, err := os.Stat(kept); err == nil {
		return kept, nil
	}
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(filepath.Dir(kept), "fetch")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if _, err := a.run(ctx, dir, "apt-get", "-q", "download", d.name+"="+d.version); err != nil {
		return "", fmt.Errorf("cannot fetch %s: %w (hint: apt-get update)", d.name, err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("cannot fetch %s: apt left %d packages", d.name, len(found))
	}
	return kept, os.Rename(found[0], kept)
}

// unpack lays the package's files out in dir, as the current user's.
func (a apt) unpack(ctx context.Context, d deb, dir string) error {
	file, err := a.fetch(ctx, d)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", file, dir).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot unpack %s: %w: %s (hint: remove it and try again)", file, err, out)
	}
	return nil
}
