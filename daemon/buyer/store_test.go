package buyer

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// home gives the test a directory of the buyer's own.
func home(t *testing.T) files {
	t.Helper()
	t.Setenv("XDG_STATE_HOME", filepath.Join(t.TempDir(), "state"))
	f, err := openFiles()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func someBook() book {
	return book{
		Last:     "jane",
		Accounts: map[string]string{"jane": "secret \" and \\ and \u00e9", "bob": ""},
		Pending: &pending{
			Order: "o1", Sealed: []byte{0, 1, 0xff}, ReplyKey: []byte("key"), ReplyTo: "buyer-x", Username: "jane",
			Product: "live", Periods: 24, Paid: true,
		},
	}
}

func TestDirectoryIsTheUsersOwn(t *testing.T) {
	base := t.TempDir()
	t.Setenv("XDG_STATE_HOME", base)
	f, err := openFiles()
	if err != nil || f.dir != filepath.Join(base, "wattgate", "buyer") {
		t.Fatalf("%q %v", f.dir, err)
	}
	if info, err := os.Stat(f.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v, want mode 0700", info, err)
	}
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", base)
	if f, err = openFiles(); err != nil || f.dir != filepath.Join(base, ".local", "state", "wattgate", "buyer") {
		t.Errorf("without XDG_STATE_HOME: %q %v", f.dir, err)
	}
	t.Setenv("HOME", "")
	if _, err = openFiles(); err == nil || !strings.Contains(err.Error(), "XDG_STATE_HOME") {
		t.Errorf("without a home: %v", err)
	}
}

func TestBookSurvives(t *testing.T) {
	f := home(t)
	if b, err := f.readBook(someFingerprint); err != nil || b.Last != "" || b.Pending != nil || b.Accounts == nil {
		t.Errorf("before the first purchase: %+v %v", b, err)
	}
	want := someBook()
	if err := f.writeBook(someFingerprint, want); err != nil {
		t.Fatal(err)
	}
	if got, err := f.readBook(someFingerprint); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
	other := strings.Repeat("f", 64)
	if b, err := f.readBook(other); err != nil || b.Last != "" || len(b.Accounts) != 0 {
		t.Errorf("another gateway's book: %+v %v", b, err)
	}
}

func TestTrustIsKeptByAddress(t *testing.T) {
	f := home(t)
	if got, err := f.trust("mqtt://a:1883"); err != nil || got != "" {
		t.Errorf("a new address: %q %v", got, err)
	}
	for _, step := range [][2]string{{"mqtt://a:1883", "one"}, {"mqtt://b:1883", "two"}, {"mqtt://a:1883", "one"}, {"mqtt://b:1883", "three"}} {
		if err := f.remember(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
	for address, want := range map[string]string{"mqtt://a:1883": "one", "mqtt://b:1883": "three", "mqtts://a:1883": ""} {
		if got, err := f.trust(address); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", address, got, err, want)
		}
	}
}

func TestIdentityIsMadeOnce(t *testing.T) {
	f := home(t)
	first, err := f.identity("")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := f.identity(""); err != nil || !first.Equal(again) {
		t.Errorf("the second time it is another key (%v)", err)
	}
	message := []byte("order")
	if !ed25519.Verify(first.Public().(ed25519.PublicKey), message, ed25519.Sign(first, message)) {
		t.Error("the key does not sign")
	}
	own := filepath.Join(t.TempDir(), "key")
	other, err := f.identity(own)
	if err != nil || first.Equal(other) {
		t.Errorf("a file of its own is the same key (%v)", err)
	}
	if again, err := f.identity(own); err != nil || !other.Equal(again) {
		t.Errorf("a file of its own is not read again (%v)", err)
	}
}

func TestEveryFileIsPrivate(t *testing.T) {
	f := home(t)
	_, err := f.identity("")
	if err := errors.Join(err, f.writeBook(someFingerprint, someBook()), f.remember("mqtt://a:1883", someFingerprint)); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil || len(entries) != 3 {
		t.Fatalf("%v %v, want three files and nothing temporary", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v %v, want mode 0600", e.Name(), info.Mode(), err)
		}
	}
}

// What holds keys and passwords is never overwritten because it could not be read.
func TestSpoiledFilesAreLeftAloneAndNamed(t *testing.T) {
	f := home(t)
	known, identity := filepath.Join(f.dir, "known.json"), filepath.Join(f.dir, "identity.key")
	for _, tt := range []struct {
		path, text string
		use        func() error
	}{
		{f.bookPath(someFingerprint), `{"last":`, func() error { _, err := f.readBook(someFingerprint); return err }},
		{f.bookPath(someFingerprint), ``, func() error { _, err := f.readBook(someFingerprint); return err }},
		{f.bookPath(someFingerprint), `{"accounts":["jane"]}`, func() error { _, err := f.readBook(someFingerprint); return err }},
		{known, `[]`, func() error { _, err := f.trust("mqtt://a:1883"); return err }},
		{known, `{`, func() error { return f.remember("mqtt://a:1883", someFingerprint) }},
		{identity, ``, func() error { _, err := f.identity(""); return err }},
		{identity, strings.Repeat("0", 62), func() error { _, err := f.identity(""); return err }},
		{identity, strings.Repeat("x", 64), func() error { _, err := f.identity(""); return err }},
	} {
		if err := os.WriteFile(tt.path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := tt.use()
		if err == nil || !strings.Contains(err.Error(), tt.path) || !strings.Contains(err.Error(), "restore") || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("%s with %q: %v, want the path and the remedy", filepath.Base(tt.path), tt.text, err)
		}
		if err != nil && tt.text != "" && strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: the error repeats what the file holds: %v", filepath.Base(tt.path), err)
		}
		if now, err := os.ReadFile(tt.path); err != nil || string(now) != tt.text {
			t.Errorf("%s was changed to %q (%v)", filepath.Base(tt.path), now, err)
		}
	}
}

func TestIdentityThatCannotBeReadIsNoNewOne(t *testing.T) {
	f := home(t)
	if err := os.Mkdir(filepath.Join(f.dir, "identity.key"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := f.identity(""); err == nil || !strings.Contains(err.Error(), "cannot read the buyer's key") {
		t.Errorf("%v", err)
	}
}

func TestReplaceFileIsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"one", "another, longer", ""} {
		if err := replaceFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q %v, want %q", got, err, text)
		}
	}
	// A symbolic link is replaced, what it points to stays.
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(target, []byte("old"), 0o644), os.Symlink(target, link), replaceFile(link, []byte("new"))); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(target); string(got) != "old" {
		t.Errorf("the link's target became %q", got)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v, want a plain file of mode 0600", info.Mode(), err)
	}
	// What cannot be replaced leaves nothing behind.
	full := filepath.Join(dir, "full")
	if err := os.MkdirAll(filepath.Join(full, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(full, []byte("new")); err == nil || !strings.Contains(err.Error(), "cannot write "+full) {
		t.Errorf("in place of a directory: %v", err)
	}
	if err := replaceFile(filepath.Join(dir, "missing", "file"), nil); err == nil {
		t.Error("in a directory that is not there: no error")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".new-*")); len(left) != 0 {
		t.Errorf("temporary files are left: %q", left)
	}
}
