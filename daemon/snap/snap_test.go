package snap

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The answers of snapctl as snapd gives them: the whole document stands under the empty name.
func TestWholeDocumentIsTakenWithItsNumbersAsWritten(t *testing.T) {
	for answer, want := range map[string]string{
		"":     "{}",
		"\n":   "{}",
		"{}\n": "{}\n",
		`{"":{"price":{"amount":0.0005},"prize":{"x":1}},"price":{"amount":0.0005}}`: `{"price":{"amount":0.0005},"prize":{"x":1}}`,
		`{"price":{"amount":0.000500}}`:                                              `{"price":{"amount":0.000500}}`,
	} {
		got, err := whole([]byte(answer))
		if err != nil || string(got) != want {
			t.Errorf("%q: %q %v, want %q", answer, got, err, want)
		}
	}
	if _, err := whole([]byte("error: no such option")); err == nil {
		t.Error("nonsense was taken for a document")
	}
}

func TestSnapdIsAskedForTheWholeDocument(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\nprintf '{\"\":{\"args\":\"%s|%s|%s|%s|%s\"}}' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "snapctl"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	got, err := Document(t.Context(), []string{"plugs", "log"})
	if err != nil || string(got) != `{"args":"get|-d||plugs|log"}` {
		t.Errorf("%s %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "snapctl"), []byte("#!/bin/sh\necho 'cannot invoke snapctl' >&2; exit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Document(t.Context(), []string{"log"}); err == nil || !strings.Contains(err.Error(), "cannot invoke snapctl") {
		t.Errorf("%v does not say what snapd said", err)
	}
}

func TestOnlyOurOwnSnapCounts(t *testing.T) {
	t.Setenv("SNAP", "/snap/editor/1")
	t.Setenv("SNAP_NAME", "editor")
	t.Setenv("SNAP_INSTANCE_NAME", "editor")
	if Inside() || Instance() != "wattgate" {
		t.Error("a terminal in somebody else's snap was taken for ours")
	}
	t.Setenv("SNAP_NAME", "wattgate")
	t.Setenv("SNAP_INSTANCE_NAME", "wattgate_lab")
	if !Inside() || Instance() != "wattgate_lab" {
		t.Errorf("inside %v, instance %q", Inside(), Instance())
	}
}
