//go:build linux

package vm

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"strings"
)

// suite is the Debian of the guest. Bookworm's kernel 6.1 runs emulated; trixie's 6.12 dies of a double fault under QEMU 7.2.
const suite = "bookworm"

// guestPackages are what the guest has beyond Debian's minimum. debootstrap resolves no virtual packages, hence
// dbus-user-session and libpam-systemd, which snapd wants as default-dbus-session-bus.
const guestPackages = "linux-image-cloud-amd64 systemd systemd-sysv dbus dbus-user-session libpam-systemd udev kmod " +
	"snapd apparmor squashfs-tools auditd openssh-server sudo iproute2 procps ca-certificates openssl " +
	"mosquitto-clients curl jq"

// basePackages are what the stand-in for core24 is made of: a shell, coreutils and what they are linked against. The real
// one has far more; a snap that runs on this one leans on little.
const basePackages = "base-files libc6 bash dash coreutils libtinfo6 grep sed libpcre2-8-0 libacl1 libattr1 libselinux1 " +
	"libgmp10 util-linux libcap-ng0 findutils libmount1 libblkid1 libsmartcols1 libcap2 libuuid1 zlib1g gcc-12-base " +
	"libgcc-s1 libstdc++6 libcrypt1 libssl3 libsystemd0 liblzma5 libzstd1 liblz4-1 libgcrypt20 libgpg-error0 " +
	"libwrap0 libnsl2 libtirpc3 libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libkeyutils1 libcom-err2"

// sources are the files that decide what a stage is; a stage is made anew when one of its files changes.
//
//go:embed recipe.go tree.go disk.go base.go ready.go machine.go
var sources embed.FS

// key names what is made by the given files out of the given ingredients (12 hex digits).
func key(files string, ingredients ...string) (string, error) {
	sum := sha256.New()
	for name := range strings.FieldsSeq(files) {
		text, err := sources.ReadFile(name)
		if err != nil {
			return "", err
		}
		sum.Write(text)
	}
	for _, i := range ingredients {
		sum.Write([]byte("\x00" + i))
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}
