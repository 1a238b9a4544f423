package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// packer makes one snap.
type packer struct {
	root    string // the checkout
	recipe  recipe
	machine machine
	version string            // empty: git's
	hooks   map[string]string // more hooks, or others, by name: the file
	apt     apt
	log     io.Writer

	work  string // scratch
	stock stock  // what the packages came to
}

// result is what was made.
type result struct {
	file    string // the snap
	version string
	links   linkage
}

// newPacker makes ready in a scratch directory, which close removes.
func newPacker(root string, m machine, log io.Writer) (*packer, error) {
	r, err := loadRecipe(filepath.Join(root, "snapcraft.yaml"))
	if err != nil {
		return nil, err
	}
	if _, ok := r.Platforms[m.arch]; !ok {
		return nil, fmt.Errorf("snapcraft.yaml has no platform %s", m.arch)
	}
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "wattgate-snap")
	if err != nil {
		return nil, err
	}
	return &packer{
		root: root, recipe: r, machine: m, log: log, work: work,
		apt:   apt{arch: m.arch, cache: cache},
		stock: stock{owner: map[string]string{}, base: map[string]string{}},
	}, nil
}

func (p *packer) close() { _ = os.RemoveAll(p.work) }

// tree makes everything that is in the snap and refuses what a reviewer would.
func (p *packer) tree(ctx context.Context) (prime string, r result, err error) {
	prime = filepath.Join(p.work, "prime")
	if err := os.MkdirAll(prime, 0o755); err != nil {
		return "", r, err
	}
	if r.version, err = p.build(ctx, prime); err != nil {
		return "", r, err
	}
	if err := p.meta(prime, r.version); err != nil {
		return "", r, err
	}
	if r.links, err = link(prime, p.stock.base); err != nil {
		return "", r, err
	}
	bad, err := inspect(prime)
	if err != nil {
		return "", r, err
	}
	for _, missing := range r.links.missing {
		bad = append(bad, missing+", which neither the snap nor the base has")
	}
	for _, unused := range r.links.unused {
		bad = append(bad, unused+" is a library that nothing in the snap asks for")
	}
	for _, name := range p.stock.unlicensed(prime) {
		bad = append(bad, "package "+name+" goes along without its licence (usr/share/doc/"+name+"/copyright)")
	}
	if len(bad) > 0 {
		return "", r, fmt.Errorf("cannot ship this tree (hint: mend the filters in snapcraft.yaml):\n  %s", strings.Join(bad, "\n  "))
	}
	return prime, r, nil
}

// meta writes snap.yaml, the hooks and the icon.
func (p *packer) meta(prime, version string) error {
	if err := os.MkdirAll(filepath.Join(prime, "meta", "hooks"), 0o755); err != nil {
		return err
	}
	text, err := p.recipe.metadata(version, p.machine).yaml()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(prime, "meta", "snap.yaml"), text, 0o644); err != nil {
		return err
	}
	hooks, err := p.allHooks()
	if err != nil {
		return err
	}
	for name, file := range hooks {
		if err := place(file, filepath.Join(prime, "meta", "hooks", name), 0o755); err != nil {
			return fmt.Errorf("cannot take along the hook %s: %w", name, err)
		}
	}
	if p.recipe.Icon == "" {
		return nil
	}
	icon := filepath.Join(prime, "meta", "gui", "icon"+filepath.Ext(p.recipe.Icon))
	return place(filepath.Join(p.root, p.recipe.Icon), icon, 0o644)
}

// allHooks are the repository's hooks by name, and those that the caller wants in their place.
func (p *packer) allHooks() (map[string]string, error) {
	all := map[string]string{}
	entries, err := os.ReadDir(filepath.Join(p.root, "snap", "hooks"))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		all[e.Name()] = filepath.Join(p.root, "snap", "hooks", e.Name())
	}
	maps.Copy(all, p.hooks)
	return all, nil
}

func place(from, to string, mode fs.FileMode) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, mode)
}

// snap has snapd's own tool check the tree and make the file in output. The same tree gives the same bytes:
// whatever is younger than made, as all that was built is, bears that time.
func (p *packer) snap(ctx context.Context, prime, output string, made time.Time) (string, error) {
	out, err := os.MkdirTemp(p.work, "out")
	if err != nil {
		return "", err
	}
	for _, args := range [][]string{{"--check-skeleton", prime}, {"--compression=" + p.recipe.Compression, prime, out}} {
		cmd := exec.CommandContext(ctx, "snap", append([]string{"pack"}, args...)...)
		cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.FormatInt(made.Unix(), 10))
		if text, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("snap pack refuses the tree: %w\n%s", err, text)
		}
	}
	found, err := filepath.Glob(filepath.Join(out, "*.snap"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("snap pack left %d files", len(found))
	}
	file := filepath.Join(output, filepath.Base(found[0]))
	text, err := os.ReadFile(found[0])
	if err != nil {
		return "", err
	}
	if len(text) > maxSnap {
		return "", fmt.Errorf("the snap has %.1f MB, more than %.0f", float64(len(text))/1e6, maxSnap/1e6)
	}
	if err := os.MkdirAll(output, 0o755); err != nil {
		return "", err
	}
	return file, os.WriteFile(file, text, 0o644)
}

// epoch is the time that everything in the snap bears: SOURCE_DATE_EPOCH, or that of the last commit.
func epoch(ctx context.Context, root string) (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		cmd := exec.CommandContext(ctx, "git", "log", "-1", "--format=%ct")
		cmd.Dir = root
		out, err := cmd.Output()
		if err != nil {
			return time.Time{}, fmt.Errorf("cannot tell the time of the last commit: %w (hint: set SOURCE_DATE_EPOCH)", err)
		}
		text = strings.TrimSpace(string(out))
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("cannot read SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0), nil
}

// report prints what the snap is made of.
func (p *packer) report(prime string, r result) error {
	info, err := os.Stat(r.file)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.log, "%10d  %s\n", info.Size(), r.file)
	const worthALine = 100_000 // bytes
	rest, files := int64(0), 0
	err = filepath.WalkDir(prime, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Size() < worthALine {
			rest, files = rest+info.Size(), files+1
			return nil
		}
		below, err := filepath.Rel(prime, file)
		fmt.Fprintf(p.log, "%10d    %s\n", info.Size(), below)
		return err
	})
	fmt.Fprintf(p.log, "%10d    %d smaller files\n", rest, files)
	fmt.Fprintf(p.log, "from the base: %s\n", strings.Join(slices.Sorted(slices.Values(r.links.base)), " "))
	return err
}
