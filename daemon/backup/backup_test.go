package backup

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func packed(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "tls"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"books": strings.Repeat("money ", 1000), "tls/key": "secret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	m := Manifest{Version: "1.2", Gateway: "ab12", Identity: true, Made: time.Unix(1e9, 0).UTC()}
	if err := Write(&b, m, dir, []string{"books", "tls/key"}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ours() map[string]bool { return map[string]bool{"books": true, "tls/key": true} }

func TestABackupComesBackAsItWas(t *testing.T) {
	dir := t.TempDir()
	m, err := Read(bytes.NewReader(packed(t)), dir, ours())
	if err != nil || m.Gateway != "ab12" || !m.Identity || len(m.Files) != 2 || !m.Made.Equal(time.Unix(1e9, 0)) {
		t.Fatalf("%+v %v", m, err)
	}
	for name, text := range map[string]string{"books": strings.Repeat("money ", 1000), "tls/key": "secret"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != text {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v %v, want mode 0600", name, info, err)
		}
	}
}

func TestEveryCutIsNoticed(t *testing.T) {
	whole := packed(t)
	for _, n := range []int{0, 1, 511, 512, 1024, len(whole) / 2, len(whole) - 1600} {
		if _, err := Read(bytes.NewReader(whole[:n]), t.TempDir(), ours()); err == nil {
			t.Errorf("%d of %d bytes were taken for a backup", n, len(whole))
		}
	}
}

func TestDamageIsNamed(t *testing.T) {
	whole := packed(t)
	at := bytes.Index(whole, []byte("money money"))
	whole[at] ^= 1
	if _, err := Read(bytes.NewReader(whole), t.TempDir(), ours()); err == nil || !strings.Contains(err.Error(), "books") {
		t.Errorf("%v does not name the damaged file", err)
	}
}

func TestNothingButOurFilesIsUnpacked(t *testing.T) {
	for _, allowed := range []map[string]bool{{"books": true}, {}, nil} {
		dir := t.TempDir()
		if _, err := Read(bytes.NewReader(packed(t)), dir, allowed); err == nil {
			t.Errorf("a strange file was unpacked with %v allowed", allowed)
		}
		if _, err := os.Stat(filepath.Join(dir, "tls")); err == nil {
			t.Error("a strange file lies there")
		}
	}
}

func TestAnotherFormIsRefusedWithTheRemedy(t *testing.T) {
	whole := bytes.Replace(packed(t), []byte(`"v": 1`), []byte(`"v": 2`), 1)
	if _, err := Read(bytes.NewReader(whole), t.TempDir(), ours()); err == nil || !strings.Contains(err.Error(), "newer release") {
		t.Error(err)
	}
}

func FuzzReadNeverLeavesItsDirectory(f *testing.F) {
	f.Add([]byte("no archive"))
	f.Fuzz(func(t *testing.T, data []byte) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "in")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		_, _ = Read(bytes.NewReader(data), dir, ours())
		if entries, _ := os.ReadDir(parent); len(entries) != 1 {
			t.Errorf("it wrote beside its directory: %v", entries)
		}
	})
}
