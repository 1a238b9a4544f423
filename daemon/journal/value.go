package journal

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxValue is how many bytes of one message or value a line carries; journald itself cuts lines at 48 KiB
// (journald.conf, LineMax).
const maxValue = 1024

// appendAttr writes " key=value", a group as " group.key=value" for each of its members.
func appendAttr(line *strings.Builder, prefix string, hidden bool, a slog.Attr) {
	v := a.Value.Resolve()
	hidden = hidden || secret(a.Key)
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range v.Group() {
			appendAttr(line, prefix, hidden, member)
		}
		return
	}
	if a.Equal(slog.Attr{}) {
		return // slog's rule: an empty attribute is none
	}
	line.WriteByte(' ')
	line.WriteString(quoted(prefix + a.Key))
	line.WriteByte('=')
	if hidden {
		line.WriteString("(hidden)")
		return
	}
	line.WriteString(quoted(render(v)))
}

// secret reports a key that names a credential, alone or as a word of it ("broker_password").
func secret(key string) bool {
	words := strings.FieldsFunc(strings.ToLower(key), func(r rune) bool { return !unicode.IsLetter(r) })
	for _, w := range words {
		if w == "password" || w == "secret" || w == "token" {
			return true
		}
	}
	return false
}

// render turns a value into text. fmt catches a panic of a value's own String or Error method.
func render(v slog.Value) string {
	switch v.Kind() {
	case slog.KindString:
		return v.String()
	case slog.KindTime:
		return v.Time().Format(time.RFC3339)
	}
	return fmt.Sprint(v.Any())
}

// quoted leaves plain words bare and puts everything else in quotes, escaped as Go does: a value can neither end the
// line, nor look like another key, nor reach the terminal's controls.
func quoted(s string) string {
	s, cut := shorten(s)
	plain := s != "" && !cut
	for _, r := range s {
		if r == ' ' || r == '"' || r == '=' || r == '\\' || r == utf8.RuneError || !unicode.IsPrint(r) {
			plain = false
			break
		}
	}
	switch {
	case plain:
		return s
	case cut:
		return strconv.Quote(s) + "…"
	}
	return strconv.Quote(s)
}

// printable is s on one line and without control characters.
func printable(s string) string {
	s, cut := shorten(s)
	var out strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			out.WriteRune(r)
			continue
		}
		q := strconv.QuoteRune(r)
		out.WriteString(q[1 : len(q)-1])
	}
	if cut {
		out.WriteString("…")
	}
	return out.String()
}

func shorten(s string) (short string, cut bool) { return cutAt(s, maxValue) }

// cutAt keeps at most end bytes of s, whole runes only.
func cutAt(s string, end int) (short string, cut bool) {
	if len(s) <= end {
		return s, false
	}
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end], true
}
