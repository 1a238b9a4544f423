//go:build !linux

package broker

import "errors"

func become(bool, string, []string) error { return errors.New("the broker runs on Linux only") }
