//go:build !unix

package broker

import "errors"

func become(string, []string) error { return errors.New("the broker runs on Linux only") }
