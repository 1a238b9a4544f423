//go:build linux

package vm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// diskSize is what the guest may fill; the image is sparse.
const diskSize = 4 << 30 // bytes

// settings are the guest's files, by path.
func settings() map[string]string {
	const noShell = "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --noclear %I 115200 linux\n"
	return map[string]string{
		"etc/hostname": "snapvm\n",
		"etc/hosts":    "127.0.0.1 localhost snapvm\n",
		// Nothing listens there: a name is unknown at once instead of after a time-out, as snapd asks for the store's now and then.
		"etc/resolv.conf":                    "nameserver 127.0.0.1\n",
		"etc/fstab":                          "/dev/vda / ext4 defaults,noatime 0 1\n",
		"etc/sudoers.d/owner":                "owner ALL=(ALL) NOPASSWD: ALL\n",
		"etc/environment":                    "SNAP_REEXEC=0\nPATH=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin\"\n",
		"etc/systemd/network/uplink.network": "[Match]\nName=en*\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n",
		// The stand-in snapd snap holds no program: the one of the package goes on.
		"etc/systemd/system/snapd.service.d/here.conf":            "[Service]\nEnvironment=SNAP_REEXEC=0\n",
		"etc/systemd/system/serial-getty@ttyS0.service.d/in.conf": noShell,
		"etc/systemd/journald.conf.d/keep.conf":                   "[Journal]\nStorage=persistent\nSyncIntervalSec=5s\nRateLimitBurst=0\nAudit=yes\n",
		"etc/ssh/sshd_config.d/test.conf":                         "PermitRootLogin prohibit-password\nUseDNS no\nMaxSessions 100\n",
		// e2fsck refuses a disk that was written to in the future; a boot in 1970 sees just that.
		"etc/e2fsck.conf": "[options]\nbroken_system_clock = true\n",
	}
}

// masked are units that would work at a time of their own and take the processor from the test.
const masked = "apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service man-db.timer dpkg-db-backup.timer " +
	"fstrim.timer logrotate.timer systemd-networkd-wait-online.service snapd.snap-repair.timer systemd-tmpfiles-clean.timer"

// makeDisk turns the tree into root.img, kernel, initrd, the key that opens the guest, and the two stand-in snaps.
func makeDisk(ctx context.Context, tree, dir string) error {
	root := filepath.Join(dir, "root")
	if err := call(ctx, "cp", "-a", "--reflink=auto", filepath.Join(tree, "root"), root); err != nil {
		return err
	}
	defer os.RemoveAll(root)
	if err := configure(ctx, root, dir); err != nil {
		return err
	}
	if err := makeBase(ctx, root, dir); err != nil {
		return err
	}
	for pattern, name := range map[string]string{"vmlinuz-*": "kernel", "initrd.img-*": "initrd"} {
		found, err := filepath.Glob(filepath.Join(root, "boot", pattern))
		if err != nil || len(found) != 1 {
			return fmt.Errorf("cannot tell which boot/%s to start: %v", pattern, found)
		}
		if err := os.Rename(found[0], filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	image := filepath.Join(dir, "root.img")
	if err := call(ctx, "truncate", "-s", fmt.Sprint(diskSize), image); err != nil {
		return err
	}
	// With a journal, as every machine has: a power cut must find what an owner's disk would have.
	return call(ctx, "mke2fs", "-q", "-t", "ext4", "-O", "has_journal", "-E", "lazy_itable_init=0,lazy_journal_init=0", "-d", root, image)
}

// configure writes the guest's settings, its users and the key that lets this machine in.
func configure(ctx context.Context, root, dir string) error {
	for name, text := range settings() {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		_ = os.Remove(name) // debootstrap leaves a link in places
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := os.Chmod(filepath.Join(root, "etc/sudoers.d/owner"), 0o440); err != nil {
		return err
	}
	id := filepath.Join(dir, "id")
	if err := call(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "wattgate snap test", "-f", id); err != nil {
		return err
	}
	public, err := os.ReadFile(id + ".pub")
	if err != nil {
		return err
	}
	script := `set -e
useradd -m -s /bin/bash -G sudo owner
install -d -m 700 /root/.ssh && cat > /root/.ssh/authorized_keys
install -d -m 700 -o owner -g owner /home/owner/.ssh && install -m 600 -o owner -g owner /root/.ssh/authorized_keys /home/owner/.ssh/
mkdir -p /var/log/journal
systemctl -q enable systemd-networkd ssh snapd.socket snapd.service snapd.apparmor.service apparmor auditd
systemctl -q mask ` + masked
	_, err = askWith(ctx, strings.NewReader(string(public)), "chroot", root, "sh", "-c", script)
	return err
}
