package page

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatWasBuiltIsInside(t *testing.T) {
	page, built := FS()
	_, err := os.Stat(filepath.Join("dist", "index.html"))
	if built != (err == nil) {
		t.Fatalf("built is %v, but dist/index.html: %v", built, err)
	}
	if !built {
		t.Skip("the page is not built: npm ci && npm run build in daemon/page")
	}
	index, err := fs.ReadFile(page, "index.html")
	if err != nil {
		t.Fatal(err)
	}
	scripts := 0
	err = fs.WalkDir(page, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == ".keep" {
			return err
		}
		if strings.HasSuffix(name, ".js") {
			scripts++
			for _, packed := range []string{".br", ".gz"} {
				if _, err := fs.Stat(page, name+packed); err != nil {
					t.Errorf("%s has no %s form", name, packed)
				}
			}
		}
		return nil
	})
	if err != nil || scripts == 0 {
		t.Errorf("%d scripts, %v", scripts, err)
	}
	for _, forbidden := range []string{`type="module"`, `src="/`, `href="/`, "style=", "onclick="} {
		if strings.Contains(string(index), forbidden) {
			t.Errorf("index.html contains %s: bundles are classic scripts, paths are relative, nothing is inline", forbidden)
		}
	}
}
