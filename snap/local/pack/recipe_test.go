package main

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

const smallest = `
name: x
adopt-info: a
platforms: {amd64: null}
apps: {x: {command: bin/x}}
parts:
  a: {plugin: nil, override-build: "craftctl set version=1"}
`

func TestDeclarationWithWhatPackingDoesNotKnowIsRefused(t *testing.T) {
	if _, err := parseRecipe([]byte(smallest)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		smallest + "epoch: 1\n": "epoch",
		strings.Replace(smallest, "command: bin/x", "command: bin/x, watchdog-timeout: 1s", 1): "watchdog-timeout",
		strings.Replace(smallest, "plugin: nil", "plugin: nil, override-prime: x", 1):          "override-prime",
		strings.Replace(smallest, "plugin: nil", "plugin: nil, prime: [a/**]", 1):              "a/**",
		strings.Replace(smallest, "plugin: nil", "plugin: nil, source: ../y", 1):               "../y",
		strings.Replace(smallest, `nil, override-build: "craftctl set version=1"`, "npm", 1):   "override-build",
		strings.Replace(smallest, "adopt-info: a", "adopt-info: b", 1):                         `"b"`,
		smallest + "---\nname: y\n": "more than one",
	} {
		if _, err := parseRecipe([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v, want an error about %s", text, err, want)
		}
	}
}

func TestPartsWaitForThoseTheyComeAfter(t *testing.T) {
	r := recipe{Parts: map[string]part{"a": {After: []string{"c"}}, "b": {}, "c": {After: []string{"b"}}}}
	if got, err := r.order(); err != nil || !slices.Equal(got, []string{"b", "c", "a"}) {
		t.Errorf("%v %v", got, err)
	}
	r.Parts["b"] = part{After: []string{"a"}}
	if got, err := r.order(); err == nil {
		t.Errorf("a circle was ordered: %v", got)
	}
}

// Whatever the declaration says of an app, and of the snap where snapd wants to know, stands in meta/snap.yaml.
func TestMetadataSaysWhatTheDeclarationSays(t *testing.T) {
	text, err := os.ReadFile(root + "/snapcraft.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m := machines()[0]
	from := plain(t, []byte(m.expand(string(text))))
	written, err := declared(t).metadata("0.1", m).yaml()
	if err != nil {
		t.Fatal(err)
	}
	to := plain(t, written)
	// For snapcraft alone, or told in another way below.
	for _, key := range []string{"adopt-info", "compression", "platforms", "parts", "icon", "environment", "contact", "issues", "source-code", "website"} {
		delete(from, key)
	}
	links, _ := to["links"].(map[string]any)
	if len(links) != 4 {
		t.Errorf("links %v", links)
	}
	if got := to["architectures"]; !equal(got, []any{"amd64"}) || to["version"] != "0.1" {
		t.Errorf("architectures %v, version %v", got, to["version"])
	}
	for _, key := range []string{"links", "architectures", "version"} {
		delete(to, key)
	}
	for _, key := range slices.Sorted(maps.Keys(from)) {
		if !equal(from[key], to[key]) {
			t.Errorf("%s: declared %v, written %v", key, from[key], to[key])
		}
		delete(to, key)
	}
	if len(to) > 0 {
		t.Errorf("written and never declared: %v", to)
	}
}

func equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equal)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	}
	return a == b
}

func TestVersionOfDigitsStaysText(t *testing.T) {
	for _, version := range []string{"9799183", "1e10", "0.10"} {
		text, err := recipe{}.metadata(version, machines()[0]).yaml()
		if err != nil || plain(t, text)["version"] != version {
			t.Errorf("%s became %v (%v)", version, plain(t, text)["version"], err)
		}
	}
}

func TestSnapcraftsOwnEnvironmentStaysAwayWhereNullIsDeclared(t *testing.T) {
	m := machines()[1]
	mine := "/x/${CRAFT_ARCH_TRIPLET_BUILD_FOR}"
	for name, r := range map[string]recipe{
		"neither": {Environment: map[string]*string{"PATH": nil, "LD_LIBRARY_PATH": nil}},
		"mine":    {Environment: map[string]*string{"PATH": nil, "LD_LIBRARY_PATH": &mine}},
		"default": {},
	} {
		got := r.environment(m)
		want := map[string]int{"neither": 0, "mine": 1, "default": 2}[name]
		if len(got) != want {
			t.Errorf("%s: %v", name, got)
		}
		if name == "mine" && got["LD_LIBRARY_PATH"] != "/x/aarch64-linux-gnu" {
			t.Errorf("%v", got)
		}
	}
	if got := declared(t).environment(m); len(got) != 0 {
		t.Errorf("every app gets %v", got)
	}
}
