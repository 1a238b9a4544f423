package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// craftctl stands in for snapcraft's program of that name, by which a part tells the version.
const craftctl = `#!/bin/sh
set -e
case "$1 $2" in
"set version="*) printf '%s' "${2#version=}" >"$PACK_VERSION" ;;
*) echo "craftctl $*: not known here" >&2; exit 1 ;;
esac
`

// build runs the parts in an order that their `after` allows and leaves their files in prime. It returns the version that
// the adopted part told.
func (p *packer) build(ctx context.Context, prime string) (version string, err error) {
	bin := filepath.Join(p.work, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(bin, "craftctl"), []byte(craftctl), 0o755); err != nil {
		return "", err
	}
	order, err := p.recipe.order()
	if err != nil {
		return "", err
	}
	for _, name := range order {
		told, err := p.part(ctx, name, prime)
		if err != nil {
			return "", fmt.Errorf("cannot make part %s: %w", name, err)
		}
		if name == p.recipe.AdoptInfo {
			version = told
		}
	}
	if version == "" {
		return "", fmt.Errorf("part %s told no version (hint: craftctl set version=...)", p.recipe.AdoptInfo)
	}
	return version, nil
}

// order sorts the parts by name, each behind those that it comes after.
func (r recipe) order() ([]string, error) {
	var done []string
	for len(done) < len(r.Parts) {
		before := len(done)
		for _, name := range slices.Sorted(maps.Keys(r.Parts)) {
			ready := !slices.ContainsFunc(r.Parts[name].After, func(other string) bool { return !slices.Contains(done, other) })
			if ready && !slices.Contains(done, name) {
				done = append(done, name)
			}
		}
		if len(done) == before {
			return nil, errors.New("cannot order the parts: they wait for each other, or for one that is not there")
		}
	}
	return done, nil
}

// part makes one part: packages, build script, organize, and its files that are staged and primed go to prime.
func (p *packer) part(ctx context.Context, name, prime string) (version string, err error) {
	of := p.recipe.Parts[name]
	work := filepath.Join(p.work, "parts", name)
	install := filepath.Join(work, "install")
	if err := os.MkdirAll(install, 0o755); err != nil {
		return "", err
	}
	if len(of.StagePackages) > 0 {
		s, err := p.apt.stage(ctx, of.StagePackages, install, work)
		if err != nil {
			return "", err
		}
		maps.Copy(p.stock.owner, s.owner)
		maps.Copy(p.stock.base, s.base)
	}
	told := filepath.Join(work, "version")
	if of.OverrideBuild != "" {
		if err := p.script(ctx, of, install, told); err != nil {
			return "", err
		}
	}
	if err := organize(install, of.Organize); err != nil {
		return "", err
	}
	staged := filepath.Join(work, "stage")
	if err := filter(of.Stage).move(install, staged); err != nil {
		return "", err
	}
	if err := filter(of.Prime).move(staged, prime); err != nil {
		return "", err
	}
	text, err := os.ReadFile(told)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return string(text), err
}

// script runs a part's own build step in the checkout, with the environment that snapcraft would give it.
func (p *packer) script(ctx context.Context, of part, install, told string) error {
	cmd := exec.CommandContext(ctx, "bash", "-ec", of.OverrideBuild)
	cmd.Dir = p.root
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.Env = append(os.Environ(),
		"PATH="+filepath.Join(p.work, "bin")+":"+os.Getenv("PATH"),
		"PACK_VERSION="+told,
		"CRAFT_PART_INSTALL="+install,
		"CRAFT_PROJECT_DIR="+p.root,
		"CRAFT_ARCH_BUILD_FOR="+p.machine.arch,
		"CRAFT_ARCH_TRIPLET_BUILD_FOR="+p.machine.triplet,
		// Snapcraft builds each architecture on itself; here Go builds for another one.
		"GOOS=linux", "GOARCH="+p.machine.goarch,
	)
	if p.version != "" {
		cmd.Env = append(cmd.Env, "WATTGATE_VERSION="+p.version)
	}
	for _, pair := range of.BuildEnvironment {
		for key, value := range pair {
			if strings.Contains(value, "$") {
				return fmt.Errorf("the build environment's %s=%s uses a variable, which is not known here", key, value)
			}
			cmd.Env = append(cmd.Env, key+"="+value)
		}
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the build script ended with %w", err)
	}
	return nil
}
