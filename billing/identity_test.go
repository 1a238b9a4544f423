package billing

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestIdentityIsMadeOnceAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity.key")
	first, err := LoadIdentity(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != 32 {
		t.Fatalf("%v, %v", info, err)
	}
	again, err := LoadIdentity(path)
	if err != nil || again.Fingerprint() != first.Fingerprint() || len(first.Fingerprint()) != 64 {
		t.Errorf("%v is not %v: %v", again, first, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".identity-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestIdentityRefusesWhatItShouldNotTrust(t *testing.T) {
	for name, c := range map[string]struct {
		size   int
		mode   os.FileMode
		remedy string
	}{
		"readable by others": {32, 0o644, "chmod 600"},
		"readable by group":  {32, 0o640, "chmod 600"},
		"too short":          {31, 0o600, "backup"},
		"too long":           {33, 0o600, "backup"},
		"empty":              {0, 0o600, "backup"},
	} {
		path := filepath.Join(t.TempDir(), "identity.key")
		if err := os.WriteFile(path, make([]byte, c.size), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadIdentity(path); err == nil || !strings.Contains(err.Error(), c.remedy) {
			t.Errorf("%s: %v, want the remedy %q", name, err, c.remedy)
		}
	}
	if _, err := LoadIdentity(filepath.Join(t.TempDir(), "none", "identity.key")); err == nil {
		t.Error("a missing directory was made up")
	}
}
