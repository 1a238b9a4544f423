//go:build linux

package vm

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// mirror is where this machine gets its own Debian from, and so the guest's: the archive of the guest's suite in apt's
// configuration.
func mirror(ctx context.Context) (string, error) {
	targets, err := ask(ctx, "apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT) $(ORIGIN)", "Created-By: Packages")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(targets) {
		f := strings.Fields(line)
		if len(f) == 4 && f[1] == suite && f[2] == "main" && f[3] == "Debian" {
			return f[0], nil
		}
	}
	return "", errors.New("cannot find Debian " + suite + " in apt's sources (hint: it takes a machine with Debian 12, after `apt-get update`)")
}

// makeTree unpacks and configures Debian's packages into dir/root.
func makeTree(ctx context.Context, dir string) error {
	// apt knows where a source's packages come from only once it has fetched its lists.
	site, err := mirror(ctx)
	if err != nil {
		if err := call(ctx, "apt-get", "update", "-qq"); err != nil {
			return err
		}
		if site, err = mirror(ctx); err != nil {
			return err
		}
	}
	root := filepath.Join(dir, "root")
	include := "--include=" + strings.Join(strings.Fields(guestPackages), ",")
	if err := call(ctx, "debootstrap", "--variant=minbase", include, suite, root, site); err != nil {
		return err
	}
	debs, err := filepath.Glob(filepath.Join(root, "var/cache/apt/archives/*.deb"))
	for _, deb := range debs {
		err = errors.Join(err, os.Remove(deb))
	}
	return err
}
