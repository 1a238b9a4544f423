//go:build !arm && !386

package stardust

import (
	"fmt"
	"strconv"
	"strings"

	iotago "github.com/iotaledger/iota.go/v3"
)

// cursor is how far a ledger has been read: up to a milestone, and of the next one so many outputs.
type cursor struct {
	index uint32
	id    iotago.MilestoneID
	// skip outputs of milestone index+1, sorted by id, have been read, too.
	skip int
}

// cursorVersion begins a cursor, which is "v1:INDEX:ID:SKIP"; at most 100 bytes.
const cursorVersion = "v1"

func (c cursor) String() string {
	return fmt.Sprintf("%s:%d:%s:%d", cursorVersion, c.index, c.id.ToHex(), c.skip)
}

func parseCursor(text string) (cursor, error) {
	fail := fmt.Errorf("%w: %.100q (has ledger.network changed?)", ErrCursor, text)
	parts := strings.Split(text, ":")
	if len(parts) != 4 || parts[0] != cursorVersion {
		return cursor{}, fail
	}
	index, err := strconv.ParseUint(parts[1], 10, 32)
	if err != nil {
		return cursor{}, fail
	}
	id, err := iotago.DecodeHex(parts[2])
	if err != nil || len(id) != iotago.MilestoneIDLength {
		return cursor{}, fail
	}
	skip, err := strconv.ParseUint(parts[3], 10, 31)
	if err != nil {
		return cursor{}, fail
	}
	out := cursor{index: uint32(index), skip: int(skip)}
	copy(out.id[:], id)
	return out, nil
}

// after is where reading goes on when so many more outputs have been read. created are those of the milestones that
// follow the cursor, without what it skips. The id is that of the cursor still; the index says whether it holds.
func (c cursor) after(created [][]iotago.OutputID, read int) cursor {
	for _, list := range created {
		if read < len(list) {
			c.skip += read
			return c
		}
		read -= len(list)
		c.index, c.skip = c.index+1, 0
	}
	return c
}
