//go:build !unix

package demo

import (
	"errors"
	"os"
)

func lockFile(*os.File) error { return errors.New("the demo runs on Linux only") }
