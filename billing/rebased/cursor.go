package rebased

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// position is what a cursor says.
type position struct {
	// chain is the identifier of the chain it belongs to; empty at the beginning.
	chain string
	// next is the first checkpoint that was not read to its end.
	next uint64
	// serial changes with each batch that lists something, so that a cursor that comes back proves that its batch was
	// stored.
	serial uint32
	// since is before what time deposits are left out, in milliseconds since 1970. It is decided once, at the beginning: a
	// gateway that is restored from a backup must not leave out what came in between.
	since int64
}

// cursorForm is the version of the form of cursors.
const cursorForm = "r1"

func (p position) String() string {
	return fmt.Sprintf("%s:%s:%d:%d:%d", cursorForm, p.chain, p.next, p.serial, p.since)
}

func parseCursor(text string) (position, error) {
	if text == "" {
		return position{}, nil
	}
	parts := strings.Split(text, ":")
	if len(parts) == 5 && parts[0] == cursorForm && isChain(parts[1]) {
		next, err1 := strconv.ParseUint(parts[2], 10, 53)
		serial, err2 := strconv.ParseUint(parts[3], 10, 32)
		since, err3 := strconv.ParseUint(parts[4], 10, 53)
		if err1 == nil && err2 == nil && err3 == nil {
			return position{parts[1], next, uint32(serial), int64(since)}, nil
		}
	}
	return position{}, errors.New("cannot read on from the stored cursor: this version did not write it (restore a backup, or use the version that wrote it)")
}

// maxChain is the largest length of a chain's identifier, which has eight digits today.
const maxChain = 64

func isChain(id string) bool {
	return id != "" && len(id) <= maxChain && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == ""
}
