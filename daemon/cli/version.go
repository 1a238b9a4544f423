package cli

// linked is set by the linker: -ldflags "-X github.com/wattgate/wattgate/daemon/cli.linked=0.1.0". The Makefile takes it
// from git; nothing in the program writes it.
var linked string
