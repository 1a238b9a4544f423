//go:build !linux

// Command bench measures a running wattgate; it runs on Linux only, as the gateway does.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: the gateway runs on Linux only")
	os.Exit(1)
}
