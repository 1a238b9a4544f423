package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// recipe is snapcraft.yaml: the keys that wattgate uses. Decoding refuses all others, so that no declaration is silently
// left out of what is packed here.
type recipe struct {
	Name            string               `yaml:"name"`
	Title           string               `yaml:"title"`
	AdoptInfo       string               `yaml:"adopt-info"`
	Summary         string               `yaml:"summary"`
	Description     string               `yaml:"description"`
	License         string               `yaml:"license"`
	Contact         string               `yaml:"contact"`
	Issues          string               `yaml:"issues"`
	SourceCode      string               `yaml:"source-code"`
	Website         string               `yaml:"website"`
	Icon            string               `yaml:"icon"`
	Base            string               `yaml:"base"`
	Confinement     string               `yaml:"confinement"`
	Grade           string               `yaml:"grade"`
	Compression     string               `yaml:"compression"`
	Platforms       map[string]*struct{} `yaml:"platforms"` // in the short form: each is built on itself
	Assumes         []string             `yaml:"assumes"`
	SystemUsernames map[string]string    `yaml:"system-usernames"`
	Environment     map[string]*string   `yaml:"environment"` // null: not even snapcraft's default
	Apps            map[string]app       `yaml:"apps"`
	Parts           map[string]part      `yaml:"parts"`
}

// app is written to meta/snap.yaml as it stands here.
type app struct {
	Command          string            `yaml:"command"`
	Daemon           string            `yaml:"daemon,omitempty"`
	After            []string          `yaml:"after,omitempty"`
	RefreshMode      string            `yaml:"refresh-mode,omitempty"`
	RestartCondition string            `yaml:"restart-condition,omitempty"`
	RestartDelay     string            `yaml:"restart-delay,omitempty"`
	StopTimeout      string            `yaml:"stop-timeout,omitempty"`
	Environment      map[string]string `yaml:"environment,omitempty"`
	Plugs            []string          `yaml:"plugs,omitempty"`
}

// part is one piece of the snap. Its build-snaps and build-packages are snapcraft's business: here the machine has them.
type part struct {
	Plugin           string              `yaml:"plugin"`
	Source           string              `yaml:"source"`
	After            []string            `yaml:"after"`
	BuildSnaps       []string            `yaml:"build-snaps"`
	BuildPackages    []string            `yaml:"build-packages"`
	BuildEnvironment []map[string]string `yaml:"build-environment"`
	OverrideBuild    string              `yaml:"override-build"`
	StagePackages    []string            `yaml:"stage-packages"`
	Organize         map[string]string   `yaml:"organize"`
	Stage            []string            `yaml:"stage"`
	Prime            []string            `yaml:"prime"`
}

// loadRecipe reads snapcraft.yaml and refuses what cannot be packed from it.
func loadRecipe(file string) (recipe, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return recipe{}, fmt.Errorf("cannot read the snap's declaration: %w (hint: run it from the top of the repository)", err)
	}
	r, err := parseRecipe(text)
	if err != nil {
		return recipe{}, fmt.Errorf("cannot pack from %s: %w", file, err)
	}
	return r, nil
}

func parseRecipe(text []byte) (recipe, error) {
	var r recipe
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&r); err != nil {
		return r, fmt.Errorf("%w (hint: snapcraft may know the key, snap/local/pack/recipe.go has to as well)", err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return r, errors.New("more than one document")
	}
	for name, p := range r.Parts {
		if p.Plugin != "nil" && p.OverrideBuild == "" {
			return r, fmt.Errorf("part %s: only a plugin's name is known here, not its steps (hint: give the part an override-build)", name)
		}
		if p.Source != "" && p.Source != "." {
			return r, fmt.Errorf("part %s: source %q is not the repository itself", name, p.Source)
		}
		for _, pattern := range slices.Concat(p.Stage, p.Prime) {
			if strings.Contains(pattern, "**") || strings.HasPrefix(pattern, "$") {
				return r, fmt.Errorf("part %s: the filter %q uses more than the plain patterns known here", name, pattern)
			}
		}
	}
	if _, ok := r.Parts[r.AdoptInfo]; !ok {
		return r, fmt.Errorf("adopt-info names %q, which is no part", r.AdoptInfo)
	}
	return r, nil
}
