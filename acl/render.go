package acl

import (
	"bytes"
	"slices"
	"strings"
)

// Files are the two files that Mosquitto reloads on SIGHUP.
type Files struct {
	ACL, Passwd []byte
}

// Render writes the files of a policy. The probe is one more account, which
// tells this generation of the files from all others: give it a fresh
// password, and Reads that no other account has. Equal input gives equal
// bytes. Input that could add a line or an entry, or lose its meaning on the
// way, is refused.
func Render(p Policy, probe Account) (Files, error) {
	if err := p.check(probe); err != nil {
		return Files{}, err
	}
	return Files{ACL: renderACL(rulesOf(p, probe)), Passwd: renderPasswd(accountsOf(p, probe))}, nil
}

// rulesOf states the policy in Mosquitto's terms. Lines before the first user
// block hold for anonymous clients alone and patterns for everybody, so a
// paid topic is one pattern that reads and one line that denies.
func rulesOf(p Policy, probe Account) Rules {
	r := Rules{Users: map[string][]Rule{}}
	paid := append(sorted(p.Paid), CanaryPaid)
	r.Anonymous = appendRules(nil, Deny, paid, "")
	r.Patterns = appendRules(r.Patterns, Read, append(sorted(p.Free), CanaryFree), "")
	r.Patterns = appendRules(r.Patterns, Write, sorted(p.Orders), "")
	r.Patterns = appendRules(r.Patterns, Read, sorted(p.PerClient), "%c")
	r.Patterns = appendRules(r.Patterns, Read, sorted(p.PerUser), "%u")
	r.Patterns = appendRules(r.Patterns, Read, paid, "")
	r.Users[p.Publisher.Name] = appendRules(nil, ReadWrite, sorted(append([]string{canaryRoot}, p.Roots...)), "")
	for _, a := range append([]Account{probe}, p.Grants...) {
		if len(a.Reads) > 0 {
			r.Users[a.Name] = appendRules(r.Users[a.Name], Read, sorted(a.Reads), "")
		}
	}
	return r
}

func appendRules(rules []Rule, access Access, topics []string, suffix string) []Rule {
	for _, t := range topics {
		rules = append(rules, Rule{access, t + suffix})
	}
	return rules
}

// accountsOf lists every entry of the password file, in order.
func accountsOf(p Policy, probe Account) []Account {
	return sortedAccounts(append([]Account{p.Publisher, probe}, p.Grants...))
}

func renderACL(r Rules) []byte {
	var b bytes.Buffer
	b.WriteString("# Made by wattgate; it puts back whatever is changed here.\n")
	writeRules(&b, "topic", r.Anonymous)
	writeRules(&b, "pattern", r.Patterns)
	users := make([]string, 0, len(r.Users))
	for u := range r.Users {
		users = append(users, u)
	}
	slices.SortFunc(users, strings.Compare)
	for _, u := range users {
		b.WriteString("user " + u + "\n")
		writeRules(&b, "topic", r.Users[u])
	}
	return b.Bytes()
}

func writeRules(b *bytes.Buffer, keyword string, rules []Rule) {
	for _, r := range rules {
		b.WriteString(keyword + " " + string(r.Access) + " " + r.Topic + "\n")
	}
}

func renderPasswd(accounts []Account) []byte {
	b := make([]byte, 0, 150*len(accounts))
	for _, a := range accounts {
		b = append(b, a.Name...)
		b = append(b, ':')
		b = a.Entry.appendTo(b)
		b = append(b, '\n')
	}
	return b
}
