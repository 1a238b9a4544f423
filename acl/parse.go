package acl

import (
	"errors"
	"fmt"
	"strings"
)

// maxFile bounds the files that are parsed, in bytes: about 400,000 accounts.
const maxFile = 64 << 20

// maxLine bounds a line in bytes: keyword, access, and a topic.
const maxLine = 1024

// ParseACL reads the part of Mosquitto's ACL grammar that has one meaning:
// comment lines and empty lines, topic and pattern lines with an access word,
// user blocks that occur once. What Mosquitto would refuse, skip, or read in
// a way one does not expect is an error that names the line.
func ParseACL(data []byte) (Rules, error) {
	r := Rules{Users: map[string][]Rule{}}
	user := ""
	err := eachLine(data, func(line string) error {
		if line == "" || line[0] == '#' {
			return nil
		}
		keyword, rest, _ := strings.Cut(line, " ")
		switch keyword {
		case "user":
			if err := checkName(rest); err != nil {
				return err
			}
			if _, ok := r.Users[rest]; ok {
				return fmt.Errorf("user %q occurs twice", rest)
			}
			user = rest
			r.Users[user] = nil
			return nil
		case "topic":
			rule, err := parseRule(rest, false)
			if err != nil {
				return err
			}
			if user == "" {
				r.Anonymous = append(r.Anonymous, rule)
			} else {
				r.Users[user] = append(r.Users[user], rule)
			}
			return nil
		case "pattern":
			rule, err := parseRule(rest, true)
			r.Patterns = append(r.Patterns, rule)
			return err
		}
		return fmt.Errorf("begins with %s instead of topic, pattern or user", quote(keyword))
	})
	if err != nil {
		return Rules{}, fmt.Errorf("cannot read the ACL file: %w", err)
	}
	return r, nil
}

func parseRule(s string, pattern bool) (Rule, error) {
	word, topic, _ := strings.Cut(s, " ")
	access := Access(word)
	switch access {
	case Read, Write, ReadWrite, Deny:
	default:
		return Rule{}, fmt.Errorf("has the access word %s instead of read, write, readwrite or deny", quote(word))
	}
	literal := topic
	if pattern {
		literal = strings.NewReplacer("%c", "c", "%u", "u").Replace(topic)
	}
	if err := checkFilter(literal); err != nil {
		return Rule{}, err
	}
	return Rule{access, topic}, nil
}

// ParsePasswd reads a password file of $7$ entries with 12-byte salts, one a
// line, each name once. Entries that Mosquitto would drop are errors.
func ParsePasswd(data []byte) ([]Account, error) {
	var accounts []Account
	seen := map[string]bool{}
	err := eachLine(data, func(line string) error {
		name, entry, ok := strings.Cut(line, ":")
		if !ok {
			return errors.New("has no colon")
		}
		if err := checkName(name); err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("account %q occurs twice", name)
		}
		seen[name] = true
		e, err := parseEntry(entry)
		if err != nil {
			return fmt.Errorf("account %q: %w", name, err)
		}
		accounts = append(accounts, Account{Name: name, Entry: e})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the password file: %w", err)
	}
	return accounts, nil
}

// eachLine hands out the lines of a file of printable ASCII in which each
// line ends with LF; the first error names its line.
func eachLine(data []byte, do func(line string) error) error {
	if len(data) > maxFile {
		return fmt.Errorf("it has %d bytes, the limit is %d", len(data), maxFile)
	}
	if len(data) > 0 && data[len(data)-1] != '\n' {
		return errors.New("its last line is cut off")
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if len(line) > maxLine {
			return fmt.Errorf("line %d has %d bytes, the limit is %d", n, len(line), maxLine)
		}
		for i := range len(line) {
			if line[i] < ' ' || line[i] > '~' {
				return fmt.Errorf("line %d holds the byte %#02x; only printable ASCII is allowed", n, line[i])
			}
		}
		if err := do(line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}
