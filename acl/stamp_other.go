//go:build !linux

package acl

import "errors"

type stamp struct{}

func stampOf(string) (stamp, error) {
	return stamp{}, errors.New("cannot watch files on this system: run the gateway on Linux")
}
