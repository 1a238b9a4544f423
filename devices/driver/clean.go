package driver

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText bounds every string kept from a plug, in bytes. The longest that
// recorded hardware sends is a firmware version of 38.
const maxText = 96

// maxProblem bounds a sentence of ours that quotes a plug, in bytes.
const maxProblem = 240

// Clean makes a string that came from the network safe to keep, print and
// log: blanks around it are cut, whatever is not printable (control
// characters, line breaks, terminal escapes, bidirectional overrides, broken
// UTF-8) becomes "?", and it is cut to 96 bytes.
func Clean(s string) string { return clean(s, maxText) }

// Problem words an error for the owner: made safe like Clean, up to 240 bytes.
func Problem(err error) string { return clean(err.Error(), maxProblem) }

func clean(s string, limit int) string {
	var b strings.Builder
	for _, r := range strings.TrimSpace(s) {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			r = '?'
		}
		if b.Len()+utf8.RuneLen(r) > limit {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
