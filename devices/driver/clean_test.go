package driver

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"  Kühlschrank ":          "Kühlschrank",
		"a\nlevel=ERROR b":        "a?level=ERROR b",
		"\x1b[2J":                 "?[2J",
		"\u202eevil":              "?evil",
		"\xff":                    "?",
		"":                        "",
		strings.Repeat("x", 1000): strings.Repeat("x", maxText),
		strings.Repeat("ü", 1000): strings.Repeat("ü", maxText/2),
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\nb")
	f.Fuzz(func(t *testing.T, s string) {
		c := Clean(s)
		if len(c) > maxText || !utf8.ValidString(c) || strings.ContainsAny(c, "\n\r\x1b\x00") {
			t.Errorf("Clean(%q) = %q", s, c)
		}
	})
}
