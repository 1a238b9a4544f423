package acl

import (
	"bytes"
	"strings"
	"testing"
)

func TestParseACLRefusesWhatMosquittoMisreads(t *testing.T) {
	for _, tc := range []struct{ name, text string }{
		{"bad word", "topics read a\n"},
		{"no topic", "topic\n"},
		{"access word alone is a topic to Mosquitto", "topic read\n"},
		{"no access word", "topic sensor/live\n"},
		{"cut access word", "topic readwr sensor/live\n"},
		{"indented comment", " # x\n"},
		{"tab", "user\tbob\n"},
		{"two blanks", "topic  read a\n"},
		{"trailing blank", "topic read a \n"},
		{"bad wildcard", "topic read ie#\n"},
		{"plus within a level", "pattern read a+/b\n"},
		{"NUL", "topic read a\x00b\n"},
		{"CRLF", "topic read a\r\n"},
		{"no LF at the end", "topic read a\ntopic deny b"},
		{"user twice", "user bob\ntopic read a\nuser bob\ntopic read b\n"},
		{"user without a name", "user\n"},
		{"hostile user", "user bo:b\n"},
		{"percent in a topic line", "topic read a/%u\n"},
		{"unknown substitution", "pattern read a/%x\n"},
		{"line too long", "topic read " + strings.Repeat("a", 2000) + "\n"},
		{"not ASCII", "topic read \u202e\n"},
	} {
		if r, err := ParseACL([]byte(tc.text)); err == nil {
			t.Errorf("%s: parsed to %+v", tc.name, r)
		} else if !strings.Contains(err.Error(), "cannot read the ACL file") {
			t.Errorf("%s: error %v", tc.name, err)
		}
	}
}

func TestParsePasswdRefuses(t *testing.T) {
	good := string(fixedEntry(1).appendTo([]byte("bob:")))
	if _, err := ParsePasswd([]byte(good + "\n")); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, text string }{
		{"no LF at the end", good},
		{"no colon", "bob\n"},
		{"empty entry", "bob:\n"},
		{"plain password", "bob:secret\n"},
		{"$6$", "bob:$6$AAAAAAAAAAAAAAAA$AAAA\n"},
		{"twice", good + "\n" + good + "\n"},
		{"comment", "#" + good + "\n"},
		{"empty line", "\n"},
		{"no iterations", strings.Replace(good, "$1$", "$$", 1) + "\n"},
		{"iterations 0", strings.Replace(good, "$1$", "$0$", 1) + "\n"},
		{"iterations with sign", strings.Replace(good, "$1$", "$+1$", 1) + "\n"},
		{"iterations a million", strings.Replace(good, "$1$", "$1000000$", 1) + "\n"},
		{"cut key", good[:len(good)-1] + "\n"},
		{"salt of 64 bytes", "bob:$7$1$" + strings.Repeat("A", 86) + "==$" + strings.Repeat("A", 86) + "==\n"},
		{"key with other last bits", good[:len(good)-3] + "B==\n"},
		{"one part more", good + "$x\n"},
		{"upper-case name", "B" + good[1:] + "\n"},
	} {
		if a, err := ParsePasswd([]byte(tc.text)); err == nil {
			t.Errorf("%s: parsed to %d accounts", tc.name, len(a))
		}
	}
}

func TestVerifyRefusesAnyDifference(t *testing.T) {
	p := salePolicy()
	f, err := Render(p, fixedProbe)
	if err != nil {
		t.Fatal(err)
	}
	// Each line left out, doubled, or moved to the end; a foreign line at each
	// place. Only comments may come and go.
	check := func(what string, acl, passwd []byte) {
		if Verify(p, fixedProbe, Files{acl, passwd}) == nil {
			t.Errorf("accepted: %s", what)
		}
	}
	lines := bytes.SplitAfter(f.ACL, []byte("\n"))
	for i, line := range lines[:len(lines)-1] {
		if line[0] == '#' {
			continue
		}
		without := bytes.Join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...), nil)
		check("ACL without "+string(line), without, f.Passwd)
		check("ACL with a foreign line before "+string(line), bytes.Replace(f.ACL, line, append([]byte("topic read x\n"), line...), 1), f.Passwd)
	}
	entries := bytes.SplitAfter(f.Passwd, []byte("\n"))
	for i, e := range entries[:len(entries)-1] {
		check("passwd without "+string(e), f.ACL, bytes.Join(append(append([][]byte{}, entries[:i]...), entries[i+1:]...), nil))
		check("passwd twice "+string(e), f.ACL, append(bytes.Clone(f.Passwd), e...))
	}
	for n := range len(f.ACL) {
		if n > 0 && f.ACL[n-1] == '\n' && n == len(f.ACL) {
			continue
		}
		check("truncated ACL", f.ACL[:n], f.Passwd)
	}
	for n := range len(f.Passwd) {
		check("truncated passwd", f.ACL, f.Passwd[:n])
	}
	for _, wide := range []string{"topic readwrite #\n", "pattern read #\n"} {
		check("widened by "+wide, append([]byte(wide), f.ACL...), f.Passwd)
	}
}

func TestRulesFollowMosquitto(t *testing.T) {
	r, err := ParseACL([]byte(`# comment
topic deny sensor/live
topic readwrite open/#
pattern read sensor/live
pattern read replies/%c
pattern read grants/%u
pattern write orders
user bob
topic read plug/+/live
topic deny plug/secret/live
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		user, id, topic string
		read, write     bool
	}{
		{"", "c1", "sensor/live", false, false},
		{"bob", "c1", "sensor/live", true, false},
		{"eve", "c1", "sensor/live", true, false},
		{"", "c1", "open/x", true, true},
		{"", "c1", "open", true, true},
		{"bob", "c1", "open/x", false, false}, // lines for anonymous are not inherited
		{"", "c1", "replies/c1", true, false},
		{"", "c2", "replies/c1", false, false},
		{"", "#", "replies/c1", false, false},
		{"", "+", "sensor/1m", false, false},
		{"bob", "c1", "grants/bob", true, false},
		{"eve", "c1", "grants/bob", false, false},
		{"", "c1", "grants/", false, false},
		{"", "c1", "orders", false, true},
		{"bob", "c1", "plug/a/live", true, false},
		{"bob", "c1", "plug/secret/live", false, false},
		{"bob", "c1", "plug/a/b/live", false, false},
		{"eve", "c1", "plug/a/live", false, false},
		{"", "", "replies/", false, false},
	} {
		if got := r.MayRead(tc.user, tc.id, tc.topic); got != tc.read {
			t.Errorf("MayRead(%q, %q, %q) = %v", tc.user, tc.id, tc.topic, got)
		}
		if got := r.MayWrite(tc.user, tc.id, tc.topic); got != tc.write {
			t.Errorf("MayWrite(%q, %q, %q) = %v", tc.user, tc.id, tc.topic, got)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, tc := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/b", "a/b", true}, {"a/b", "a/b/c", false}, {"a/b/c", "a/b", false},
		{"#", "a/b", true}, {"#", "$canary/paid", false}, {"+/paid", "$canary/paid", false},
		{"$canary/#", "$canary/paid", true}, {"$canary/#", "$canary", true},
		{"a/#", "a", true}, {"a/#", "ab", false}, {"a/+", "a", false}, {"a/+", "a/", true},
		{"+", "a", true}, {"+/+", "a/b", true}, {"+/+", "a", false}, {"a/+/c", "a/b/c", true}, {"a/+/#", "a/b", true},
	} {
		if got := matches(tc.filter, tc.topic); got != tc.want {
			t.Errorf("matches(%q, %q) = %v", tc.filter, tc.topic, got)
		}
	}
}

// What the strict parsers accept they read in one way: rendered again, it
// parses to the same rules.
func FuzzParse(f *testing.F) {
	files, err := Render(salePolicy(), fixedProbe)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(files.ACL)
	f.Add(files.Passwd)
	f.Add([]byte("topic read\nuser\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := ParseACL(data); err == nil {
			again, err := ParseACL(renderACL(r))
			if err != nil || sameRules(again, r) != nil {
				t.Errorf("%q is read in two ways: %v", data, err)
			}
		}
		if a, err := ParsePasswd(data); err == nil && !bytes.Equal(renderPasswd(a), data) {
			t.Errorf("%q is rendered back as %q", data, renderPasswd(a))
		}
	})
}
