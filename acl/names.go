package acl

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// maxTopic bounds a topic or filter in bytes; ours have at most 64.
const maxTopic = 256

// validName admits nothing that Mosquitto's files or its patterns treat
// specially: no colon, blank, #, +, %, control or other non-ASCII character.
var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{1,63}$`)

// The errors below quote what was refused (%q escapes it), cut to 40 bytes.

func checkName(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("cannot use the account name %s: it needs 2 to 64 characters of a-z 0-9 _ -, the first a letter or digit", quote(name))
	}
	return nil
}

// checkTopic accepts a topic without wildcards.
func checkTopic(topic string) error {
	if strings.ContainsAny(topic, "+#") {
		return fmt.Errorf("cannot use the topic %s: wildcards are not allowed here", quote(topic))
	}
	return checkFilter(topic)
}

// checkFilter accepts a topic filter that Mosquitto reads back as written.
func checkFilter(filter string) error {
	if err := filterFault(filter); err != nil {
		return fmt.Errorf("cannot use the topic %s: %w", quote(filter), err)
	}
	return nil
}

func filterFault(filter string) error {
	switch {
	case filter == "" || len(filter) > maxTopic:
		return fmt.Errorf("it has %d bytes, allowed are 1 to %d", len(filter), maxTopic)
	case filter[0] == ' ' || filter[len(filter)-1] == ' ':
		return errors.New("it begins or ends with a blank, which Mosquitto cuts off")
	case strings.Contains(filter, "%"):
		return errors.New("% is reserved for Mosquitto's patterns")
	}
	for i := range len(filter) {
		if filter[i] < ' ' || filter[i] > '~' {
			return errors.New("only printable ASCII is allowed")
		}
	}
	levels := strings.Split(filter, "/")
	for i, level := range levels {
		if strings.Contains(level, "#") && (level != "#" || i != len(levels)-1) {
			return errors.New("# must be the whole last level")
		}
		if strings.Contains(level, "+") && level != "+" {
			return errors.New("+ must be a whole level")
		}
	}
	switch levels[0] {
	case "$SYS", "$CONTROL", "$share", "$queue":
		return fmt.Errorf("%s belongs to the broker", levels[0])
	}
	return nil
}

// checkPrefix accepts a topic that ends in a slash, to which Mosquitto adds
// a client id or a user name.
func checkPrefix(prefix string) error {
	if !strings.HasSuffix(prefix, "/") || len(prefix) < 2 {
		return fmt.Errorf("cannot use the prefix %s: it must end with /", quote(prefix))
	}
	return checkTopic(prefix)
}

func quote(s string) string {
	if len(s) > 40 {
		return fmt.Sprintf("%q (%d bytes)", s[:40], len(s))
	}
	return fmt.Sprintf("%q", s)
}

// matches tells whether a filter covers a topic, by MQTT's rules: wildcards at
// the first level do not reach topics that begin with $.
func matches(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") && !strings.HasPrefix(filter, "$") {
		return false
	}
	for {
		f, fRest, fMore := strings.Cut(filter, "/")
		if f == "#" {
			return true
		}
		t, tRest, tMore := strings.Cut(topic, "/")
		if f != "+" && f != t {
			return false
		}
		if !tMore {
			return !fMore || fRest == "#"
		}
		if !fMore {
			return false
		}
		filter, topic = fRest, tRest
	}
}
