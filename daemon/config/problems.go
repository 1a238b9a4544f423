package config

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Problem is one reason why a document was refused.
type Problem struct {
	Key    string // full dotted name; "" = the document as a whole
	Value  string // as written, quoted and shortened; what may be a spending key is never repeated
	Remedy string // what to write instead
}

// Problems are all reasons why a document was refused; the order is the document's, then that of the checks between
// keys.
type Problems []Problem

// maxProblems keeps the answer to a document of nonsense readable.
const maxProblems = 40

// Error lists one problem per line.
func (p Problems) Error() string {
	lines := make([]string, 0, len(p))
	for _, problem := range p {
		lines = append(lines, problem.String())
	}
	return strings.Join(lines, "\n")
}

// String is the problem on one line.
func (p Problem) String() string {
	switch {
	case p.Key == "":
		return "cannot read the configuration: " + p.Remedy
	case p.Value == "":
		return fmt.Sprintf("cannot use %s: %s", p.Key, p.Remedy)
	}
	return fmt.Sprintf("cannot use %s=%s: %s", p.Key, p.Value, p.Remedy)
}

// Warning is something in an accepted document that its owner should know.
type Warning struct {
	Key  string
	Text string
}

// String is the warning on one line.
func (w Warning) String() string { return w.Key + " " + w.Text }

// maxShown is how many bytes of a foreign text a message repeats.
const maxShown = 60

// show makes a text of the document safe to print: one line, no control characters, bounded, and never a secret.
func show(s string) string {
	if spendingKey(s) != "" {
		return "(hidden)"
	}
	if len(s) <= maxShown {
		return strconv.Quote(s)
	}
	cut := maxShown
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strconv.Quote(s[:cut]) + "…"
}

// showKey is show for a key; well-formed names stay bare.
func showKey(name string) string {
	for _, r := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-.", r) {
			return show(name)
		}
	}
	if name == "" || len(name) > maxShown {
		return show(name)
	}
	return name
}

func showNode(n node) string {
	switch n.shape {
	case isScalar:
		return show(n.text)
	case isList:
		return "[…]"
	case isObject:
		return "{…}"
	}
	return "null"
}
