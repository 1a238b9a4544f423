package main

import (
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// root is the top of the repository.
const root = "../../.."

// schemaFile is snapcraft's own description of its file. It stands beside the checkout where it can be had; it is not ours
// to copy.
const schemaFile = root + "/../shared/specs/snapcraft-schema.json"

func declared(t *testing.T) recipe {
	t.Helper()
	r, err := loadRecipe(root + "/snapcraft.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// plain is a YAML text as JSON values.
func plain(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSnapcraftsSchemaAcceptsTheDeclaration(t *testing.T) {
	f, err := os.Open(schemaFile)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("SKIPPED: snapcraft's schema is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	document, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:///snapcraft.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("mem:///snapcraft.json#/$defs/Core24Project")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(root + "/snapcraft.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(plain(t, text)); err != nil {
		t.Error(err)
	}
	for good, bad := range map[string]string{
		"daemon: simple":         "daemon: simpel",
		"confinement: strict":    "confinement: strikt",
		"assumes:":               "asumes:",
		"restart-condition: alw": "restart-condtion: alw",
	} {
		broken := strings.Replace(string(text), good, bad, 1)
		if broken == string(text) {
			t.Fatalf("the declaration has no %q any more: break something else", good)
		}
		if schema.Validate(plain(t, []byte(broken))) == nil {
			t.Errorf("the schema does not see %q", bad)
		}
	}
}

func TestDeclarationSaysWhatTheStoreAsksFor(t *testing.T) {
	r := declared(t)
	if n := len(r.Summary); n == 0 || n > 78 {
		t.Errorf("the summary has %d characters, at most 78", n)
	}
	for key, got := range map[string][2]string{
		"base": {r.Base, "core24"}, "confinement": {r.Confinement, "strict"}, "grade": {r.Grade, "stable"},
		"license": {r.License, "Apache-2.0"}, "adopt-info": {r.AdoptInfo, "daemon"}, "name": {r.Name, "wattgate"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s is %q, want %q", key, got[0], got[1])
		}
	}
	for key, link := range map[string]string{"contact": r.Contact, "issues": r.Issues, "source-code": r.SourceCode, "website": r.Website} {
		if u, err := url.Parse(link); err != nil || u.Scheme != "https" || u.Host == "" {
			t.Errorf("%s is no address: %q", key, link)
		}
	}
	if r.Title == "" || len(r.Description) < 200 {
		t.Error("nobody learns what he gets")
	}
	if got, want := slices.Sorted(maps.Keys(r.Platforms)), []string{"amd64", "arm64", "armhf"}; !slices.Equal(got, want) {
		t.Errorf("platforms %v, want %v", got, want)
	}
	for _, m := range machines() {
		if _, ok := r.Platforms[m.arch]; !ok {
			t.Errorf("packing knows %s, the declaration does not", m.arch)
		}
	}
	license, err := os.ReadFile(root + "/LICENSE")
	if err != nil || !strings.Contains(string(license), "Apache License") {
		t.Errorf("LICENSE is not what the declaration says: %v", err)
	}
}

// Plugs stand with the app that needs them, connect by themselves, and there are no others.
func TestPlugsAreTheTwoThatConnectByThemselves(t *testing.T) {
	r := declared(t)
	for name, a := range r.Apps {
		for _, plug := range a.Plugs {
			if plug != "network" && plug != "network-bind" {
				t.Errorf("%s wants %s: somebody would have to connect it by hand, or to justify it", name, plug)
			}
		}
	}
	text, err := os.ReadFile(root + "/snapcraft.yaml")
	if err != nil {
		t.Fatal(err)
	}
	top := plain(t, text)
	for _, key := range []string{"plugs", "slots", "layout", "hooks"} {
		if _, ok := top[key]; ok {
			t.Errorf("%s at the top: each app says what it needs for itself", key)
		}
	}
}

func TestServicesComeBackAndGoInOrder(t *testing.T) {
	r := declared(t)
	services := map[string]string{"mosquitto": "bin/wattgate broker", "daemon": "bin/wattgate run"}
	for name, command := range services {
		a, ok := r.Apps[name]
		if !ok || a.Command != command || a.Daemon != "simple" {
			t.Errorf("%s is %q (%s), want the simple service %q", name, a.Command, a.Daemon, command)
		}
		// systemd gives up after five starts within ten seconds, for good.
		if delay, err := time.ParseDuration(a.RestartDelay); err != nil || delay < 10*time.Second/5 {
			t.Errorf("%s: restart-delay %q lets systemd give up", name, a.RestartDelay)
		}
		if stop, err := time.ParseDuration(a.StopTimeout); err != nil || name == "daemon" && stop <= 10*time.Second {
			t.Errorf("%s: stop-timeout %q; the daemon may take ten seconds", name, a.StopTimeout)
		}
		if a.RestartCondition != "always" || a.RefreshMode != "restart" {
			t.Errorf("%s: restart-condition %q, refresh-mode %q", name, a.RestartCondition, a.RefreshMode)
		}
	}
	if !slices.Contains(r.Apps["daemon"].After, "mosquitto") {
		t.Error("the daemon is stopped after the broker: nobody hears its goodbye")
	}
	if a := r.Apps["wattgate"]; a.Command != "bin/wattgate" || a.Daemon != "" {
		t.Errorf("the command is %q (%s)", a.Command, a.Daemon)
	}
	if len(r.Apps) != len(services)+1 {
		t.Errorf("apps %v: two services and a command", slices.Sorted(maps.Keys(r.Apps)))
	}
	if r.SystemUsernames["snap_daemon"] != "shared" {
		t.Error("the services' user is not asked for")
	}
}

func TestEveryFileThatIsNamedExists(t *testing.T) {
	r := declared(t)
	if _, err := os.Stat(filepath.Join(root, r.Icon)); r.Icon == "" || err != nil {
		t.Errorf("icon %q: %v", r.Icon, err)
	}
	for name, p := range r.Parts {
		for _, file := range regexp.MustCompile(`(?m)(?:^|\s)\./([\w./-]+)`).FindAllStringSubmatch(p.OverrideBuild, -1) {
			if _, err := os.Stat(filepath.Join(root, file[1])); err != nil {
				t.Errorf("part %s: %v", name, err)
			}
		}
	}
	entries, err := os.ReadDir(root + "/snap")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "hooks" && e.Name() != "local" {
			t.Errorf("snap/%s: snapcraft would take it along unasked", e.Name())
		}
	}
}

func TestHooksLeaveEverythingToTheBinary(t *testing.T) {
	entries, err := os.ReadDir(root + "/snap/hooks")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(root, "snap/hooks", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if want := "#!/bin/sh\nset -e\nexec \"$SNAP/bin/wattgate\" hook " + e.Name() + "\n"; string(text) != want {
			t.Errorf("%s is\n%s\nwant\n%s", e.Name(), text, want)
		}
		for _, fault := range hookFaults(string(text)) {
			t.Errorf("%s %s", e.Name(), fault)
		}
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s cannot be run: %v %v", e.Name(), info.Mode(), err)
		}
	}
}

func TestFaultsOfHooksAreSeen(t *testing.T) {
	for text, fault := range map[string]string{
		"#!/bin/bash\nset -e\ntrue\n":                             "#!/bin/sh",
		"#!/bin/sh\ntrue\n":                                       "set -e",
		"#!/bin/sh\nset -e\nrm \"$SNAP_NAME\"\n":                  "SNAP_NAME",
		"#!/bin/sh\nset -e\nexec $SNAP/bin/wattgate hook x\n":     "line 3",
		"#!/bin/sh\nset -e\nexec \"$SNAP\"/bin/wattgate \"\" $1 ": "line 3",
	} {
		if got := hookFaults(text); len(got) != 1 || !strings.Contains(got[0], fault) {
			t.Errorf("%q: %q, want one about %s", text, got, fault)
		}
	}
	if got := hookFaults("#!/bin/sh\nset -e\necho 'costs $5' # $6\n"); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// What is built is said exactly: a track of Go, no paths of the machine in the binary, the version from git.
func TestBuildIsPinned(t *testing.T) {
	p := declared(t).Parts["daemon"]
	module, err := os.ReadFile(root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	language := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(module)
	if want := "go/" + string(language[1]) + "/stable"; !slices.Equal(p.BuildSnaps, []string{want}) {
		t.Errorf("built by %v, want %s as in go.mod", p.BuildSnaps, want)
	}
	environment := map[string]string{}
	for _, pair := range p.BuildEnvironment {
		maps.Copy(environment, pair)
	}
	if environment["CGO_ENABLED"] != "0" || environment["GOFLAGS"] != "-trimpath" || environment["GOARM"] != "7" {
		t.Errorf("build environment %v", environment)
	}
	for _, piece := range []string{"git describe", `craftctl set version="$version"`, "daemon/cli.linked=$version"} {
		if !strings.Contains(p.OverrideBuild, piece) {
			t.Errorf("the build script has no %q", piece)
		}
	}
}
