package cli

import (
	"io"
	"testing"
)

func TestSpanDoesNotWrap(t *testing.T) {
	for _, text := range []string{"213504d", "106751991168d", "4611686018427387904d"} {
		if got, err := parseSpan(text); err == nil {
			t.Errorf("%s became %d s", text, got)
		}
	}
}

func TestTwoDashesEndTheFlags(t *testing.T) {
	f := newFlags(Streams{Err: io.Discard}, "test", "")
	rest, err := f.parse([]string{"--", "-a", "-b"}, 2, 2)
	if err != nil || len(rest) != 2 {
		t.Errorf("%q %v", rest, err)
	}
}
