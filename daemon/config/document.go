package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of a document. The real one is two levels and a list deep and a few kilobytes long.
const (
	maxBytes = 64 << 10
	maxDepth = 8
)

// node is one JSON value, with the text of numbers kept byte for byte: money must not pass through a float.
type node struct {
	shape   shape
	text    string   // a string's content, a number's or boolean's literal
	items   []node   // of a list
	members []member // of an object, in the document's order, repetitions included
}

type member struct {
	name string
	node
}

type shape uint8

const (
	isNull shape = iota
	isScalar
	isList
	isObject
)

// scalar is the text of a string, number or boolean.
func (n node) scalar() (string, bool) { return n.text, n.shape == isScalar }

// entries are the texts of a list, or of a comma-separated string with blanks and empty places dropped.
func (n node) entries() ([]string, bool) {
	var out []string
	switch n.shape {
	case isScalar:
		for part := range strings.SplitSeq(n.text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
		return out, true
	case isList:
		for _, item := range n.items {
			v, ok := item.scalar()
			if !ok {
				return nil, false
			}
			out = append(out, v)
		}
		return out, true
	}
	return nil, false
}

// read turns bytes into a tree, refusing what is too long, too deep or not exactly one JSON object.
func read(data []byte) (node, error) {
	if len(data) > maxBytes {
		return node{}, fmt.Errorf("it is longer than %d KiB; is it the right file?", maxBytes>>10)
	}
	if !utf8.Valid(data) {
		return node{}, errors.New("it is not UTF-8 text")
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return node{}, errors.New("it is empty; write {} for the defaults")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return node{}, locate(data, err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	root, err := readNode(dec, 0)
	if err != nil {
		return node{}, err
	}
	if root.shape != isObject {
		return node{}, errors.New("it must be a JSON object; write {} for the defaults")
	}
	return root, nil
}

// locate says where the JSON is broken.
func locate(data []byte, err error) error {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return fmt.Errorf("it is not JSON: %w", err)
	}
	before := data[:max(0, min(int(syntax.Offset), len(data)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
	return fmt.Errorf("it is not JSON: line %d, column %d: %w", line, column, err)
}

func readNode(dec *json.Decoder, depth int) (node, error) {
	if depth > maxDepth {
		return node{}, fmt.Errorf("it is nested deeper than %d levels", maxDepth)
	}
	token, err := dec.Token()
	if err != nil {
		return node{}, fmt.Errorf("it is not JSON: %w", err)
	}
	switch v := token.(type) {
	case string:
		return node{shape: isScalar, text: v}, nil
	case json.Number:
		return node{shape: isScalar, text: v.String()}, nil
	case bool:
		return node{shape: isScalar, text: fmt.Sprint(v)}, nil
	case json.Delim:
		if v == '[' {
			return readList(dec, depth)
		}
		return readObject(dec, depth)
	}
	return node{shape: isNull}, nil
}

func readList(dec *json.Decoder, depth int) (node, error) {
	n := node{shape: isList}
	for dec.More() {
		item, err := readNode(dec, depth+1)
		if err != nil {
			return node{}, err
		}
		n.items = append(n.items, item)
	}
	_, err := dec.Token() // the closing bracket
	return n, err
}

func readObject(dec *json.Decoder, depth int) (node, error) {
	n := node{shape: isObject}
	for dec.More() {
		name, err := readNode(dec, depth)
		if err != nil {
			return node{}, err
		}
		value, err := readNode(dec, depth+1)
		if err != nil {
			return node{}, err
		}
		n.members = append(n.members, member{name.text, value})
	}
	_, err := dec.Token() // the closing brace
	return n, err
}
