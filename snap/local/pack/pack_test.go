//go:build linux

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// newTree makes the tree of a snap for this machine. It needs a network, apt and snapd's tools, and takes its time.
func newTree(t *testing.T, version string, hooks map[string]string) (*packer, string, result) {
	t.Helper()
	if !strings.Contains(os.Getenv("WATTGATE_REQUIRE"), "snap") {
		t.Skip("SKIPPED: packing needs apt and snapd's tools (.ci/part snap runs it)")
	}
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := tools(t.Context(), top); err != nil {
		t.Fatal(err)
	}
	m, err := machineFor(hostArch())
	if err != nil {
		t.Skip("SKIPPED: ", err)
	}
	p, err := newPacker(top, m, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	p.version, p.hooks = version, hooks
	prime, r, err := p.tree(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p, prime, r
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestPackedSnapIsSmallRepeatableAndKnowsItsVersion(t *testing.T) {
	extra := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(extra, []byte("#!/bin/sh\nexit 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, prime, r := newTree(t, "0.1.0+test", map[string]string{"post-refresh": extra})
	made := time.Unix(1_700_000_000, 0)
	var snaps [2][]byte
	for i := range snaps {
		file, err := p.snap(t.Context(), prime, t.TempDir(), made)
		if err != nil {
			t.Fatal(err)
		}
		if name := filepath.Base(file); name != "wattgate_0.1.0+test_"+p.machine.arch+".snap" {
			t.Errorf("the snap is called %s", name)
		}
		snaps[i] = read(t, file)
		// When the tree was made must not show.
		if err := os.Chtimes(filepath.Join(prime, "bin"), time.Now(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(snaps[0], snaps[1]) {
		t.Error("the same tree gave two different snaps")
	}
	out, err := exec.Command(filepath.Join(prime, "bin/wattgate"), "version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), r.version) || r.version != "0.1.0+test" {
		t.Errorf("the snap is %s, its program says %q (%v)", r.version, out, err)
	}
	if got := read(t, filepath.Join(prime, "meta/hooks/post-refresh")); !bytes.Contains(got, []byte("exit 1")) {
		t.Errorf("the hook of the caller is not there: %s", got)
	}
	for _, file := range []string{"meta/hooks/configure", "meta/hooks/post-refresh", "bin/wattgate"} {
		if info, err := os.Stat(filepath.Join(prime, file)); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v %v", file, info, err)
		}
	}
	if !bytes.Equal(read(t, filepath.Join(prime, "meta/gui/icon.svg")), read(t, root+"/snap/local/icon.svg")) {
		t.Error("the icon is another")
	}
}

func TestVersionIsGits(t *testing.T) {
	describe := func() string {
		t.Helper()
		cmd := exec.Command("git", "describe", "--tags", "--always", "--dirty")
		cmd.Dir = root
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	before := describe()
	_, prime, r := newTree(t, "", nil)
	if after := describe(); r.version != before && r.version != after { // somebody may commit meanwhile
		t.Errorf("version %s, git says %s and then %s", r.version, before, after)
	}
	if got := plain(t, read(t, filepath.Join(prime, "meta/snap.yaml")))["version"]; got != r.version {
		t.Errorf("snap.yaml says %v", got)
	}
}

// The tree that is shipped passes; each of these would not.
func TestFaultsOfTheRealTreeAreSeen(t *testing.T) {
	p, prime, r := newTree(t, "0.1", nil)
	if len(r.links.missing)+len(r.links.unused) > 0 || !slices.Contains(r.links.base, "libc6") {
		t.Fatalf("%+v", r.links)
	}
	libraries := filepath.Join(prime, "usr/lib", p.machine.triplet)
	dlt := filepath.Join(libraries, "libdlt.so.2")
	real, err := filepath.EvalSymlinks(dlt)
	if err != nil {
		t.Fatal(err)
	}
	look := func() linkage {
		t.Helper()
		l, err := link(prime, p.stock.base)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}

	if err := os.WriteFile(filepath.Join(libraries, "libidle.so.1"), read(t, real), 0o644); err != nil {
		t.Fatal(err)
	}
	if l := look(); len(l.unused) != 1 || !strings.Contains(l.unused[0], "libidle") {
		t.Errorf("a library that nobody asks for: %+v", l)
	}
	if err := os.Remove(dlt); err != nil {
		t.Fatal(err)
	}
	if l := look(); len(l.missing) != 1 || l.missing[0] != "usr/sbin/mosquitto needs libdlt.so.2" {
		t.Errorf("a library that is not there: %+v", l)
	}
	delete(p.stock.base, "libcap2")
	if l := look(); !slices.ContainsFunc(l.missing, func(s string) bool { return strings.Contains(s, "libcap.so.2") }) {
		t.Errorf("a library that the base has not: %+v", l)
	}

	if got := p.stock.unlicensed(prime); len(got) > 0 {
		t.Fatal(got)
	}
	if err := os.Remove(filepath.Join(prime, "usr/share/doc/mosquitto/copyright")); err != nil {
		t.Fatal(err)
	}
	if got := p.stock.unlicensed(prime); !slices.Equal(got, []string{"mosquitto"}) {
		t.Errorf("a licence that was left behind: %q", got)
	}
	for _, own := range []string{"wattgate", "go", "modernc.org/sqlite", "github.com/eclipse/paho.mqtt.golang"} {
		found, err := filepath.Glob(filepath.Join(prime, "usr/share/doc/wattgate", own, "LICENSE*"))
		if err != nil || len(found) == 0 {
			t.Errorf("the licence of %s is not there", own)
		}
	}
}

func TestBuildScriptThatFailsOrTellsNoVersionMakesNoSnap(t *testing.T) {
	for script, want := range map[string]string{
		"false; craftctl set version=1": "exit status 1",
		"true":                          "told no version",
		"craftctl pull":                 "exit status 1",
	} {
		p := &packer{
			root: t.TempDir(), work: t.TempDir(), log: io.Discard, machine: machines()[0],
			recipe: recipe{AdoptInfo: "a", Parts: map[string]part{"a": {OverrideBuild: script}}},
		}
		if _, err := p.build(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", script, err)
		}
	}
}
