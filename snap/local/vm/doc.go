// Package vm runs a real Debian with snapd, AppArmor and seccomp in a virtual machine on this one, and lets a test install
// a locally packed snap there, use it as its owner would, pull the plug, and read what the kernel refused.
//
// It is for Linux on amd64 with root's rights, and needs no hardware virtualisation: QEMU emulates the processor, which is
// slow, so everything that does not depend on the snap under test is made once and kept in the user's cache directory, in
// stages. Each is named by a hash of what makes it:
//
//	tree    Debian's packages, unpacked by debootstrap
//	disk    a bootable image of the tree, kernel, initial RAM disk, and two stand-in snaps: base core24 and snapd
//	ready   a running machine with the two snaps installed, frozen; it resumes in seconds
//
// A stage is made in a directory of its own that gets its name when it is complete, so half a stage is never used.
//
// The guest reaches nothing, not even this machine; this machine reaches its SSH port on 127.0.0.1. What the machine cannot
// show: Ubuntu Core's image, the real core24, the mediation of Unix sockets and D-Bus (Debian's kernel has none), the store.
package vm
