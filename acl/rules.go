package acl

import "strings"

// Access is the right that one line of an ACL file gives or takes.
type Access string

// The access words of Mosquitto's grammar.
const (
	Read      Access = "read"
	Write     Access = "write"
	ReadWrite Access = "readwrite"
	Deny      Access = "deny"
)

// Rule is one topic or pattern line.
type Rule struct {
	Access Access
	Topic  string // a filter; in patterns it may hold %c or %u
}

// Rules is the meaning of an ACL file.
type Rules struct {
	Anonymous []Rule            // lines before the first user: for clients without a name, only for them
	Users     map[string][]Rule // the user blocks
	Patterns  []Rule            // for everybody, anonymous clients included
}

// MayRead tells whether Mosquitto delivers the topic to this client; user ""
// is an anonymous client.
func (r Rules) MayRead(user, clientID, topic string) bool {
	return r.may(user, clientID, topic, Read)
}

// MayWrite tells whether Mosquitto accepts a message of this client on the
// topic; user "" is an anonymous client.
func (r Rules) MayWrite(user, clientID, topic string) bool {
	return r.may(user, clientID, topic, Write)
}

// may follows Mosquitto's order: the client's own lines, denials first, then
// the patterns, denials first. The first line that decides, decides.
func (r Rules) may(user, clientID, topic string, want Access) bool {
	own := r.Anonymous
	if user != "" {
		own = r.Users[user]
	}
	if allowed, decided := decide(own, topic, want); decided {
		return allowed
	}
	if len(r.Patterns) == 0 || clientID == "" || strings.ContainsAny(user+clientID, "+#") {
		return false
	}
	var patterns []Rule
	for _, p := range r.Patterns {
		if strings.Contains(p.Topic, "%u") && user == "" {
			continue
		}
		p.Topic = strings.NewReplacer("%c", clientID, "%u", user).Replace(p.Topic)
		patterns = append(patterns, p)
	}
	allowed, _ := decide(patterns, topic, want)
	return allowed
}

func decide(rules []Rule, topic string, want Access) (allowed, decided bool) {
	for _, r := range rules {
		if r.Access == Deny && matches(r.Topic, topic) {
			return false, true
		}
	}
	for _, r := range rules {
		if (r.Access == want || r.Access == ReadWrite) && matches(r.Topic, topic) {
			return true, true
		}
	}
	return false, false
}
