package cli

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func TestColumnsAreAligned(t *testing.T) {
	var tab table
	tab.row("USER", "STATE", "REASON")
	tab.row("jane", "active", "")
	tab.row("a-much-longer-name", "x", "Grüße")
	tab.row("Ärger", "ended", "last")
	tab.row("short row")
	var out strings.Builder
	tab.write(&out)
	want := "USER                STATE   REASON\n" +
		"jane                active\n" +
		"a-much-longer-name  x       Grüße\n" +
		"Ärger               ended   last\n" +
		"short row\n"
	if out.String() != want {
		t.Errorf("\n%s, want\n%s", &out, want)
	}
	out.Reset()
	new(table).write(&out)
	if out.Len() != 0 {
		t.Errorf("an empty table prints %q", &out)
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"Kühlschrank 2":             "Kühlschrank 2",
		`say "hi" \ there`:          `say "hi" \ there`,
		"冷蔵庫":                       "冷蔵庫",
		"\x1b[2J\x1b]0;title\a":     `\x1b[2J\x1b]0;title\a`,
		"two\nlines\r\tand a tab":   `two\nlines\r\tand a tab`,
		"\u009b31m":                 `\u009b31m`, // CSI in one character
		"abc\u202etxt.exe":          `abc\u202etxt.exe`,
		"\u2066\u2069\u200e\u061c":  `\u2066\u2069\u200e\u061c`,
		"zero\u200bwidth\ufeff":     `zero\u200bwidth\ufeff`,
		"line\u2028separator":       `line\u2028separator`,
		"broken \xff\xfe":           `broken \xff\xfe`,
		"\x00":                      `\x00`,
		"\x7f":                      `\x7f`,
		"\U000e0041 tag characters": `\U000e0041 tag characters`,
		"quote at the end \"":       `quote at the end "`,
		`backslash at the end \`:    `backslash at the end \`,
	} {
		if got := printable(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Whatever a plug or a buyer calls itself: one line, no control, nothing invisible.
func FuzzPrintable(f *testing.F) {
	for _, seed := range []string{"fridge", "\x1b[2J", "\u202e", "\xff", `\"`, "\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := printable(text)
		if !utf8.ValidString(got) {
			t.Errorf("%q became %q", text, got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("%q became %q, with %U in it", text, got, r)
			}
		}
	})
}

func TestParseSpan(t *testing.T) {
	for text, want := range map[string]int64{
		"": 0, "1s": 1, "90m": 5400, "24h": 86400, "1h30m": 5400, "1d": 86400, "30d": 30 * 86400, "36500d": 36500 * 86400, "876000h": 36500 * 86400,
	} {
		if got, err := parseSpan(text); err != nil || got != want {
			t.Errorf("%q: %d %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"0s", "0d", "-1h", "-5d", "999ms", "1", "h", "d", "1.5d", "1d12h", "30 d", "forever", "36501d", "876001h", "1e3d", "9223372036854775808d", "99999999999h",
	} {
		got, err := parseSpan(text)
		if err == nil || got != 0 || !strings.Contains(err.Error(), "90m, 24h or 30d") {
			t.Errorf("%q: %d %v, want an error that shows how to write it", text, got, err)
		}
	}
}

func TestTimesAreReadable(t *testing.T) {
	moment := time.Date(2026, 11, 22, 9, 0, 0, 5000, time.Local).UTC()
	if got := local(moment); got != "2026-11-22 09:00:00" {
		t.Errorf("%q", got)
	}
	if local(time.Time{}) != "-" || localOr(nil, "never") != "never" || localOr(&moment, "never") != "2026-11-22 09:00:00" {
		t.Errorf("%q %q %q", local(time.Time{}), localOr(nil, "never"), localOr(&moment, "never"))
	}
}
