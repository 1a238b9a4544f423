package config

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// Parser reads documents. Its zero value is the one for real gateways.
type Parser struct {
	// Demo lets publish.average-every and price.period go down to one second. Never for a real gateway: an average at the
	// live rate gives the live stream away.
	Demo bool
}

// Parse reads a document for a real gateway.
func Parse(data []byte) (Config, []Warning, error) { return Parser{}.Parse(data) }

// Load is Parse of a file; "-" is the standard input.
func Load(path string) (Config, []Warning, error) { return Parser{}.Load(path) }

// Load is Parse of a file; "-" is the standard input.
func (p Parser) Load(path string) (Config, []Warning, error) {
	data, err := slurp(path)
	if err != nil {
		return Config{}, nil, fmt.Errorf("cannot read the configuration: %w (name a readable JSON file, or - for standard input)", err)
	}
	return p.Parse(data)
}

func slurp(path string) ([]byte, error) {
	in := os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, maxBytes+1)) // one more than Parse takes: it says what is wrong
}

// Parse reads a document. The error, if any, is a Problems with everything that is wrong; the Config is then zero.
// Warnings come only with a document that was accepted.
func (p Parser) Parse(data []byte) (Config, []Warning, error) {
	root, err := read(data)
	if err != nil {
		return Config{}, nil, Problems{{Remedy: err.Error()}}
	}
	r := reading{table: settings(p.Demo), config: Default(), seen: map[string]bool{}, refused: map[string]bool{}}
	for _, m := range root.members {
		r.group(m)
	}
	for _, problem := range crossCheck(r.config) {
		if !r.refused[problem.Key] && !r.refused[problem.with] {
			r.refuse(problem.Key, problem.Value, problem.Remedy)
		}
	}
	if r.more > 0 {
		r.problems = append(r.problems, Problem{Remedy: fmt.Sprintf("it has %d more problems", r.more)})
	}
	if len(r.problems) > 0 {
		return Config{}, nil, r.problems
	}
	return r.config, r.config.Notes(), nil
}

// reading is the state of one Parse.
type reading struct {
	table    []setting
	config   Config
	seen     map[string]bool // keys and groups met so far
	refused  map[string]bool // keys with a problem: no cross check builds on them
	problems Problems
	more     int // problems beyond maxProblems
}

func (r *reading) refuse(key, value, remedy string) {
	r.refused[key] = true
	if len(r.problems) == maxProblems {
		r.more++
		return
	}
	r.problems = append(r.problems, Problem{Key: showKey(key), Value: value, Remedy: remedy})
}

// group reads one member of the root, such as "plugs": {…}.
func (r *reading) group(m member) {
	known := false
	for _, s := range r.table {
		known = known || strings.HasPrefix(s.name, m.name+".")
	}
	switch {
	case r.again(m.name):
	case !known && strings.Contains(m.name, "."):
		r.refuse(m.name, "", "write groups as objects, as in "+nested(r.nearest(m.name)))
	case !known && (m.shape != isObject || len(m.members) == 0):
		r.unknown(m.name)
	case m.shape == isNull:
	case m.shape != isObject:
		r.refuse(m.name, showNode(m.node), fmt.Sprintf("%s is a group; write {%q: {…}}", m.name, m.name))
	default:
		for _, leaf := range m.members {
			r.leaf(m.name+"."+leaf.name, leaf.node)
		}
	}
}

func (r *reading) leaf(key string, n node) {
	if r.again(key) {
		return
	}
	for _, s := range r.table {
		if s.name != key {
			continue
		}
		if n.shape == isNull {
			return // unset: the default stays
		}
		if remedy := s.set(&r.config, n); remedy != "" {
			r.refuse(key, showNode(n), remedy)
		}
		return
	}
	r.unknown(key)
}

// again refuses a key that was there before: which of two values counts must not depend on the reader.
func (r *reading) again(key string) bool {
	if r.seen[key] {
		r.refuse(key, "", "it is there twice; keep one")
		return true
	}
	r.seen[key] = true
	return false
}

func (r *reading) unknown(key string) {
	if len(r.problems) == maxProblems { // spares the search in a document of nonsense
		r.more++
		return
	}
	r.refuse(key, "", fmt.Sprintf("there is no such key; the nearest is %s", r.nearest(key)))
}

// nested is a dotted key as the document writes it.
func nested(key string) string {
	group, name, _ := strings.Cut(key, ".")
	return fmt.Sprintf(`{%q: {%q: …}}`, group, name)
}

// nearest is the known key with the fewest letters to change; for a name without a dot the known group.
func (r *reading) nearest(key string) string {
	best, least := "", math.MaxInt
	for _, s := range r.table {
		name := s.name
		if !strings.Contains(key, ".") {
			name, _, _ = strings.Cut(name, ".")
		}
		if d := distance(key, name); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance counts the bytes to insert, drop or change to turn a into b (Levenshtein). Only the start of a long text
// is compared.
func distance(a, b string) int {
	a = a[:min(len(a), maxShown)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
