// Package accept holds the snap's acceptance test: the packed snap under a real snapd, with AppArmor and seccomp in force,
// in a virtual machine (package vm), used as its owner, its buyers and its enemies would. It has no code of its own.
//
// The stages of the one test build on each other and run in the order of the files' stages() list; each says how long it
// took. Anything the kernel refused meanwhile fails it.
package accept
