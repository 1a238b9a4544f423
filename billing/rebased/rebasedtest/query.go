package rebasedtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// document is a parsed GraphQL request: one operation and its fragments.
type document struct {
	variables []variable
	fields    []selection
	fragments map[string][]selection
}

// variable is what an operation takes.
type variable struct {
	name     string
	required bool
	standard any // its default
}

// selection is a field, or a fragment if spread or inline is set.
type selection struct {
	alias, name string
	args        map[string]any // values as parsed; a ref is a variable
	include     []condition
	fields      []selection
	spread      string
	inline      bool
	on          string // the type of an inline fragment
}

// condition is @include or @skip.
type condition struct {
	value any
	want  bool
}

// ref names a variable.
type ref string

// symbol is a value of an enumeration.
type symbol string

// parser goes through the tokens of a document; the first error sticks.
type parser struct {
	tokens []string
	err    error
}

// parse reads a document.
func parse(text string) (document, error) {
	tokens, err := tokenize(text)
	if err != nil {
		return document{}, err
	}
	p := &parser{tokens: tokens}
	d := document{fragments: map[string][]selection{}}
	for p.err == nil && len(p.tokens) > 0 {
		switch {
		case p.take("fragment"):
			name := p.next()
			p.want("on")
			p.next()
			d.fragments[name] = p.selections()
		case p.peek() == "{":
			d.fields = p.selections()
		default:
			p.want("query")
			if p.peek() != "{" && p.peek() != "(" {
				p.next()
			}
			d.variables = p.variables()
			d.fields = p.selections()
		}
	}
	if p.err == nil && d.fields == nil {
		p.err = errors.New("there is no operation")
	}
	return d, p.err
}

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	t := p.peek()
	if t == "" {
		p.fail("the document ends too early")
		return ""
	}
	p.tokens = p.tokens[1:]
	return t
}

func (p *parser) take(token string) bool {
	if p.peek() != token {
		return false
	}
	p.next()
	return true
}

func (p *parser) want(token string) {
	if got := p.next(); got != token {
		p.fail("expected %s, found %s", token, got)
	}
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.tokens = nil
}

func (p *parser) variables() (list []variable) {
	if !p.take("(") {
		return nil
	}
	for p.err == nil && !p.take(")") {
		p.want("$")
		v := variable{name: p.next()}
		p.want(":")
		v.required = p.kind()
		if p.take("=") {
			v.standard = p.value()
		}
		list = append(list, v)
	}
	return list
}

// kind skips a type and reports whether it may not be null.
func (p *parser) kind() bool {
	if p.take("[") {
		p.kind()
		p.want("]")
	} else {
		p.next()
	}
	return p.take("!")
}

func (p *parser) selections() []selection {
	list := []selection{}
	p.want("{")
	for p.err == nil && !p.take("}") {
		list = append(list, p.selection())
	}
	return list
}

func (p *parser) selection() (s selection) {
	if p.take("...") {
		switch {
		case p.take("on"):
			s.inline, s.on = true, p.next()
		case p.peek() == "{" || p.peek() == "@":
			s.inline = true
		default:
			s.spread = p.next()
		}
	} else {
		s.name = p.next()
		s.alias = s.name
		if p.take(":") {
			s.name = p.next()
		}
		if p.take("(") {
			s.args = p.pairs(")")
		}
	}
	for p.take("@") {
		word := p.next()
		p.want("(")
		args := p.pairs(")")
		if word != "include" && word != "skip" {
			p.fail("unknown directive %s", word)
		}
		s.include = append(s.include, condition{args["if"], word == "include"})
	}
	if p.peek() == "{" {
		s.fields = p.selections()
	}
	return s
}

func (p *parser) pairs(end string) map[string]any {
	m := map[string]any{}
	for p.err == nil && !p.take(end) {
		name := p.next()
		p.want(":")
		m[name] = p.value()
	}
	return m
}

func (p *parser) value() any {
	switch t := p.next(); {
	case t == "$":
		return ref(p.next())
	case t == "{":
		return p.pairs("}")
	case t == "[":
		list := []any{}
		for p.err == nil && !p.take("]") {
			list = append(list, p.value())
		}
		return list
	case t == "null":
		return nil
	case t == "true" || t == "false":
		return t == "true"
	case strings.HasPrefix(t, `"`) || t != "" && strings.ContainsAny(t[:1], "-0123456789"):
		var v any
		if err := json.Unmarshal([]byte(t), &v); err != nil {
			p.fail("cannot read the value %s", t)
		}
		return v
	default:
		return symbol(t)
	}
}

// tokenize splits a document; block strings are not known.
func tokenize(text string) (tokens []string, err error) {
	const word = "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	for {
		text = strings.TrimLeft(text, " \t\r\n,")
		if text == "" {
			return tokens, nil
		}
		n := 1
		switch c := text[0]; {
		case c == '#':
			_, text, _ = strings.Cut(text, "\n")
			continue
		case strings.HasPrefix(text, "..."):
			n = 3
		case c == '"':
			for n < len(text) && text[n] != '"' {
				if text[n] == '\\' {
					n++
				}
				n++
			}
			n++
		case c == '-' || strings.IndexByte(word, c) >= 0:
			n += len(text[1:]) - len(strings.TrimLeft(text[1:], word+".+"))
			if c != '-' && (c < '0' || c > '9') { // a name has no point
				n = len(text) - len(strings.TrimLeft(text, word))
			}
		case strings.IndexByte("{}()[]:$!=@|&", c) < 0:
			return nil, fmt.Errorf("unexpected character %q", c)
		}
		if n > len(text) {
			return nil, errors.New("a string does not end")
		}
		tokens, text = append(tokens, text[:n]), text[n:]
	}
}
