package acl

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fixedEntry is an entry that does not change from run to run.
func fixedEntry(n byte) Entry {
	e := Entry{Iterations: GeneratedIterations}
	for i := range e.Salt {
		e.Salt[i] = n
	}
	for i := range e.Key {
		e.Key[i] = n + byte(i)
	}
	return e
}

func fixedAccount(name string, n byte, reads ...string) Account {
	return Account{Name: name, Entry: fixedEntry(n), Reads: reads}
}

var fixedProbe = fixedAccount("probe-00000001", 2, "$canary/0123456789abcdef")

func salePolicy() Policy {
	return Policy{
		Free:      []string{"wattgate/offer", "sensor/1m", "sensor/1m/w", "wattgate/status", "wattgate/availability"},
		Paid:      []string{"sensor/live", "sensor/live/w"},
		Orders:    []string{"wattgate/orders"},
		PerClient: []string{"wattgate/replies/"},
		PerUser:   []string{"wattgate/grants/"},
		Publisher: fixedAccount("gw-00000001", 1),
		Roots:     []string{"sensor/#", "wattgate/#", "$canary/#"},
		Grants: []Account{
			fixedAccount("jane", 4, "sensor/plug/+/live", "sensor/plug/fridge/1m"),
			fixedAccount("bob", 3),
		},
	}
}

func privatePolicy() Policy {
	return Policy{
		Free:      []string{"wattgate/availability", "wattgate/status"},
		Publisher: fixedAccount("gw-00000001", 1),
		Roots:     []string{"sensor/#", "wattgate/#"},
		Grants:    []Account{fixedAccount("owner", 5, "sensor/#")},
	}
}

func TestRenderGolden(t *testing.T) {
	for name, p := range map[string]Policy{"sale": salePolicy(), "private": privatePolicy()} {
		f, err := Render(p, fixedProbe)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".acl", f.ACL)
		golden(t, name+".passwd", f.Passwd)
		if err := Verify(p, fixedProbe, f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update writes it anew)\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

func TestOrderAndRepetitionMeanNothing(t *testing.T) {
	p, q := salePolicy(), salePolicy()
	slices.Reverse(q.Free)
	slices.Reverse(q.Grants)
	q.Paid = append(q.Paid, q.Paid...)
	slices.Reverse(q.Grants[1].Reads)
	before := slices.Clone(q.Free)
	fp, err := Render(p, fixedProbe)
	if err != nil {
		t.Fatal(err)
	}
	fq, err := Render(q, fixedProbe)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(fp.ACL, fq.ACL) || !bytes.Equal(fp.Passwd, fq.Passwd) {
		t.Error("the same policy in another order renders to other bytes")
	}
	if p.Hash() != q.Hash() {
		t.Error("the same policy in another order has another hash")
	}
	if !slices.Equal(before, q.Free) {
		t.Error("Render or Hash changed the policy it was given")
	}
}

func TestEveryChangeChangesHash(t *testing.T) {
	seen := map[[32]byte]string{salePolicy().Hash(): "unchanged"}
	for name, change := range map[string]func(*Policy){
		"free less":            func(p *Policy) { p.Free = p.Free[1:] },
		"paid more":            func(p *Policy) { p.Paid = append(p.Paid, "sensor/x") },
		"free to paid":         func(p *Policy) { p.Paid = append(p.Paid, p.Free[0]); p.Free = p.Free[1:] },
		"orders":               func(p *Policy) { p.Orders = nil },
		"per client":           func(p *Policy) { p.PerClient = nil },
		"per client per user":  func(p *Policy) { p.PerClient, p.PerUser = p.PerUser, p.PerClient },
		"roots":                func(p *Policy) { p.Roots = p.Roots[:1] },
		"publisher":            func(p *Policy) { p.Publisher.Name = "gw-2" },
		"grant less":           func(p *Policy) { p.Grants = p.Grants[:1] },
		"grant renamed":        func(p *Policy) { p.Grants[0].Name = "janet" },
		"grant's salt":         func(p *Policy) { p.Grants[0].Entry.Salt[3]++ },
		"grant's key":          func(p *Policy) { p.Grants[0].Entry.Key[63]++ },
		"grant's iterations":   func(p *Policy) { p.Grants[0].Entry.Iterations++ },
		"grant's topics":       func(p *Policy) { p.Grants[0].Reads = p.Grants[0].Reads[1:] },
		"topic across a split": func(p *Policy) { p.Free[0] = p.Free[0] + p.Free[1]; p.Free[1] = "" },
	} {
		p := salePolicy()
		change(&p)
		if other, ok := seen[p.Hash()]; ok {
			t.Errorf("%q and %q have the same hash", name, other)
		}
		seen[p.Hash()] = name
	}
}

func TestRenderRefuses(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	topics := []string{"", " a", "a ", "a\nb", "a\rb", "a\x00b", "a\tb", "a\u202eb", "ä", "a%ub", "%c", "a\x7f", long,
		"a#", "a+/b", "#/a", "$SYS/x", "$CONTROL/x", "$share/g/x"}
	literals := append(slices.Clone(topics), "#", "+", "a/#", "+/a", "$canary/paid", "$other")
	names := []string{"", "a", "Bob", "bo b", " bob", "bob ", "bob:x", "#bob", "bo#b", "bo+b", "%u", "bob\n", "bob\nuser x", "bo\x00b", "bob\r",
		"b\u202eb", "_bob", "-bob", strings.Repeat("b", 65), long, "jane", "gw-00000001", "probe-00000001"}
	type change func(*Policy)
	cases := map[string]change{
		"paid also free":            func(p *Policy) { p.Paid = append(p.Paid, "sensor/1m") },
		"paid also order":           func(p *Policy) { p.Paid = append(p.Paid, "wattgate/orders") },
		"free also order":           func(p *Policy) { p.Orders = append(p.Orders, "sensor/1m") },
		"paid within a prefix":      func(p *Policy) { p.PerClient = append(p.PerClient, "sensor/") },
		"free within a user prefix": func(p *Policy) { p.PerUser = append(p.PerUser, "sensor/1m/") },
		"prefix without slash":      func(p *Policy) { p.PerUser = append(p.PerUser, "x") },
		"prefix of nothing":         func(p *Policy) { p.PerUser = append(p.PerUser, "/") },
		"prefix below $":            func(p *Policy) { p.PerClient = append(p.PerClient, "$canary/") },
		"iterations 0":              func(p *Policy) { p.Grants[0].Entry.Iterations = 0 },
		"iterations too many":       func(p *Policy) { p.Grants[0].Entry.Iterations = 10_001 },
		"canary read by a grant":    func(p *Policy) { p.Grants[0].Reads = []string{"$canary/#"} },
		"too many topics":           func(p *Policy) { p.Free = make([]string, maxTopics+1) },
		"too many accounts":         func(p *Policy) { p.Grants = make([]Account, maxAccounts+1) },
	}
	for _, s := range literals {
		cases["free "+quote(s)] = func(p *Policy) { p.Free = append(p.Free, s) }
		cases["paid "+quote(s)] = func(p *Policy) { p.Paid = append(p.Paid, s) }
		cases["order "+quote(s)] = func(p *Policy) { p.Orders = append(p.Orders, s) }
		cases["prefix "+quote(s)] = func(p *Policy) { p.PerClient = append(p.PerClient, s+"/") }
	}
	delete(cases, `prefix "a "`) // a blank within "a /" is kept by Mosquitto
	for _, s := range topics {
		cases["reads "+quote(s)] = func(p *Policy) { p.Grants[0].Reads = append(p.Grants[0].Reads, s) }
		cases["root "+quote(s)] = func(p *Policy) { p.Roots = append(p.Roots, s) }
	}
	for _, s := range names {
		cases["name "+quote(s)] = func(p *Policy) { p.Grants = append(p.Grants, fixedAccount(s, 9)) }
	}
	for name, change := range cases {
		p := salePolicy()
		change(&p)
		f, err := Render(p, fixedProbe)
		if err == nil {
			t.Errorf("%s was rendered:\n%s", name, f.ACL)
			continue
		}
		if text := err.Error(); !strings.Contains(text, "cannot") || len(text) > 400 || strings.ContainsAny(text, "\n\r\x00\u202e") {
			t.Errorf("%s: error %q does not say what cannot be done, or carries the hostile input", name, err)
		}
	}
}

// The rendered lines are compared with the count the policy promises, so that
// no input, however odd, smuggles one in.
func FuzzNoInputAddsLineOrEntry(f *testing.F) {
	f.Add("bob", "sensor/live", "sensor/1m", "sensor/plug/+/live", "wattgate/x/")
	f.Add("bob\nuser eve", "a\ntopic readwrite #", "a\rb", "%u", "a/%c/")
	f.Add("bob:$7$1$", "read x", "write", "#", "user x/")
	f.Add(" bob", "sensor/\x00live", " ", "a\u202eb", "#/")
	f.Fuzz(func(t *testing.T, name, paid, free, reads, prefix string) {
		p := Policy{
			Free: []string{free}, Paid: []string{paid}, PerClient: []string{prefix},
			Publisher: fixedAccount("gw-00000001", 1), Roots: []string{"sensor/#"},
			Grants: []Account{fixedAccount(name, 3, reads)},
		}
		files, err := Render(p, fixedProbe)
		if err != nil {
			return
		}
		if err := Verify(p, fixedProbe, files); err != nil {
			t.Fatalf("rendered but not verified: %v\n%s", err, files.ACL)
		}
		// comment; 2 denials; 2 free, 1 prefix, 2 paid; 3 users with 2, 1, 1 topics
		if n := bytes.Count(files.ACL, []byte("\n")); n != 1+2+5+3+4 {
			t.Errorf("%d lines in the ACL file:\n%s", n, files.ACL)
		}
		if n := bytes.Count(files.Passwd, []byte("\n")); n != 3 {
			t.Errorf("%d entries in the password file:\n%s", n, files.Passwd)
		}
		rules, err := ParseACL(files.ACL)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"some-client", paid, paid[strings.LastIndex(paid, "/")+1:]} {
			if rules.MayRead("", id, paid) {
				t.Errorf("client id %q reads %q without a name:\n%s", id, paid, files.ACL)
			}
		}
	})
}
