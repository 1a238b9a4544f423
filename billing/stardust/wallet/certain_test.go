package wallet

import (
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/wattgate/wattgate/billing/stardust/node"
)

// Who is told that nothing was paid pays again.
func TestOnlyWhatTheNodeDidNotTakeIsCertain(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&node.StatusError{Status: 400}, true},
		{&node.StatusError{Status: 503}, false},
		{fmt.Errorf("asked: %w", &net.OpError{Op: "dial", Err: io.EOF}), true},
		{fmt.Errorf("asked: %w", &net.OpError{Op: "read", Err: io.EOF}), false},
		{io.ErrUnexpectedEOF, false},
		{nil, false},
	} {
		if got := certain(c.err); got != c.want {
			t.Errorf("%v: %t", c.err, got)
		}
	}
}
