//go:build linux

package vm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The files of the two stand-in snaps in a stage.
const (
	baseSnap  = "core24.snap"
	snapdSnap = "snapd.snap"
)

// makeBase packs the two snaps that snapd would fetch from the store before it installs any other: the base, out of the
// tree's packages, and snapd's own, which only satisfies a dependency (SNAP_REEXEC=0 keeps snapd on the Debian package).
func makeBase(ctx context.Context, root, dir string) error {
	if err := packBase(ctx, root, filepath.Join(dir, "base"), filepath.Join(dir, baseSnap)); err != nil {
		return err
	}
	return packSnapd(ctx, root, filepath.Join(dir, "snapd"), filepath.Join(dir, snapdSnap))
}

func packBase(ctx context.Context, root, base, out string) error {
	// The directories are what snap-confine mounts something over; real bases have them all.
	script := `set -eu
mkdir -p "$2" && cd "$2"
mkdir -p usr/bin usr/sbin usr/lib/snapd usr/lib/modules usr/lib/firmware usr/lib64 usr/src usr/share usr/local \
  dev etc/alternatives home root proc sys tmp run/media run/netns media mnt snap writable meta \
  var/snap var/log var/tmp var/lib/snapd var/lib/extrausers
for d in bin sbin lib lib64; do ln -s usr/$d $d; done
chroot "$1" dpkg -L $3 | sort -u | sed 's#^/##' |
  grep -vE '^$|^\.$|^(bin|sbin|lib|lib64)$|^usr/share/(doc|man|locale|info|lintian|bash-completion|bug)/|/gconv/' > ../base.files
(cd "$1" && tar -c --no-recursion -T -) < ../base.files | tar -x --keep-directory-symlink --no-same-owner
rm ../base.files
ln -s ../lib/snapd/snapctl usr/bin/snapctl   # hooks and services find it nowhere else
ln -sf dash usr/bin/sh
echo 'passwd: files' > etc/nsswitch.conf
cat > etc/passwd <<'P'
root:x:0:0:root:/root:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
P
printf 'root:x:0:\nnogroup:x:65534:\n' > etc/group`
	if err := call(ctx, "sh", "-c", script, "sh", root, base, basePackages); err != nil {
		return err
	}
	return packStandIn(ctx, base, out, "core24", "base")
}

func packSnapd(ctx context.Context, root, snapd, out string) error {
	// snapd makes the profile of snap-confine from the file in this snap, and installs nothing while it is missing.
	const profile = "usr.lib.snapd.snap-confine"
	policy, err := os.ReadFile(filepath.Join(root, "etc/apparmor.d", profile+".real"))
	if err != nil {
		return err
	}
	profiles := filepath.Join(snapd, "etc/apparmor.d")
	if err := os.MkdirAll(profiles, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(profiles, profile), policy, 0o644); err != nil {
		return err
	}
	if err := os.Symlink(profile, filepath.Join(profiles, profile+".real")); err != nil {
		return err
	}
	lib := filepath.Join(snapd, "usr/lib/snapd")
	if err := os.MkdirAll(lib, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(lib, "info"), []byte("VERSION=2.0\n"), 0o644); err != nil {
		return err
	}
	return packStandIn(ctx, snapd, out, "snapd", "snapd")
}

// packStandIn writes a snap's meta data, packs its directory and removes it.
func packStandIn(ctx context.Context, dir, out, name, kind string) error {
	defer os.RemoveAll(dir)
	meta := fmt.Sprintf("name: %s\nversion: \"0\"\nsummary: stand-in\ndescription: stand-in for a test without the store\n"+
		"type: %s\narchitectures: [amd64]\n", name, kind)
	return Pack(ctx, dir, out, meta)
}

// Pack makes the snap file out of the directory dir, with meta as its meta/snap.yaml. Nothing is validated: it is for snaps
// that exist for a test only.
func Pack(ctx context.Context, dir, out, meta string) error {
	if err := os.MkdirAll(filepath.Join(dir, "meta"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "meta", "snap.yaml"), []byte(meta), 0o644); err != nil {
		return err
	}
	// lzo, because the guest's emulated processor unpacks it.
	return call(ctx, "mksquashfs", append([]string{dir, out}, strings.Fields("-noappend -comp lzo -no-fragments -no-xattrs -all-root -no-progress")...)...)
}
