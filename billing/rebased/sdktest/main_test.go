package sdktest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const project = "npm"

// missing skips a test that cannot run here, or fails it where it must.
func missing(t *testing.T, what string) {
	t.Helper()
	if strings.Contains(os.Getenv("WATTGATE_REQUIRE"), "node") {
		t.Fatal(what)
	}
	t.Skip("SKIPPED: " + what)
}

// modules installs the npm project into the user's cache and returns its node_modules.
func modules(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: it needs Node.js and npm packages")
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, program+" is not installed")
		}
	}
	lock, err := os.ReadFile(filepath.Join(project, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "wattgate-npm", fmt.Sprintf("%x", sha256.Sum256(lock))[:16])
	installed := filepath.Join(dir, "node_modules")
	if _, err := os.Stat(installed); err == nil {
		return installed
	}
	if err := install(dir); err != nil {
		missing(t, err.Error())
	}
	return installed
}

// install installs the project into dir: aside first and then renamed, so that what is there is whole.
func install(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	for _, name := range []string{"package.json", "package-lock.json"} {
		b, err := os.ReadFile(filepath.Join(project, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(tmp, name), b, 0o644)
		}
		if err != nil {
			return err
		}
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm packages cannot be installed: %w\n%s", err, out)
	}
	err = os.Rename(tmp, dir)
	if _, there := os.Stat(filepath.Join(dir, "node_modules")); there == nil {
		return nil // by us, or by another test that was faster
	}
	return err
}

// run runs one of the project's programs on a JSON document and decodes what it prints.
func run(t *testing.T, program string, in, out any, args ...string) {
	t.Helper()
	mods := modules(t)
	path, err := filepath.Abs(filepath.Join(project, program))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", append([]string{path}, args...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+mods)
	cmd.Stdin = bytes.NewReader(raw)
	var said bytes.Buffer
	cmd.Stderr = &said
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%.4000s", program, err, said.String())
	}
	if err := json.Unmarshal(answer, out); err != nil {
		t.Fatalf("%s printed %.200q: %v", program, answer, err)
	}
}
