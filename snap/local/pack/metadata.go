package main

import (
	"bytes"
	"maps"
	"strings"

	"go.yaml.in/yaml/v3"
)

// metadata is meta/snap.yaml, what snapd reads.
type metadata struct {
	Name            string              `yaml:"name"`
	Title           string              `yaml:"title,omitempty"`
	Version         string              `yaml:"version"`
	Summary         string              `yaml:"summary"`
	Description     string              `yaml:"description"`
	License         string              `yaml:"license,omitempty"`
	Links           map[string][]string `yaml:"links,omitempty"`
	Architectures   []string            `yaml:"architectures"`
	Base            string              `yaml:"base"`
	Assumes         []string            `yaml:"assumes,omitempty"`
	Confinement     string              `yaml:"confinement"`
	Grade           string              `yaml:"grade"`
	Environment     map[string]string   `yaml:"environment,omitempty"`
	SystemUsernames map[string]string   `yaml:"system-usernames,omitempty"`
	Apps            map[string]app      `yaml:"apps"`
}

// metadata is what snapcraft writes for one architecture.
func (r recipe) metadata(version string, m machine) metadata {
	links := map[string][]string{}
	for name, link := range map[string]string{"contact": r.Contact, "issues": r.Issues, "source-code": r.SourceCode, "website": r.Website} {
		if link != "" {
			links[name] = []string{link}
		}
	}
	apps := maps.Clone(r.Apps)
	for name, a := range apps {
		a.Environment = maps.Clone(a.Environment)
		for key, value := range a.Environment {
			a.Environment[key] = m.expand(value)
		}
		apps[name] = a
	}
	return metadata{
		Name: r.Name, Title: r.Title, Version: version, Summary: r.Summary, Description: r.Description, License: r.License,
		Links: links, Architectures: []string{m.arch}, Base: r.Base, Assumes: r.Assumes, Confinement: r.Confinement,
		Grade: r.Grade, Environment: r.environment(m), SystemUsernames: r.SystemUsernames, Apps: apps,
	}
}

// environment is that of all apps. Snapcraft sets two variables unless the declaration says otherwise; null says that they
// stay away.
func (r recipe) environment(m machine) map[string]string {
	all := map[string]string{
		"PATH": "$SNAP/usr/sbin:$SNAP/usr/bin:$SNAP/sbin:$SNAP/bin:$PATH",
		"LD_LIBRARY_PATH": "${SNAP_LIBRARY_PATH}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}:$SNAP/lib:$SNAP/usr/lib:$SNAP/lib/" +
			m.triplet + ":$SNAP/usr/lib/" + m.triplet,
	}
	for key, value := range r.Environment {
		if value == nil {
			delete(all, key)
			continue
		}
		all[key] = m.expand(*value)
	}
	return all
}

func (m metadata) yaml() ([]byte, error) {
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(m); err != nil {
		return nil, err
	}
	return out.Bytes(), e.Close()
}

// machine is an architecture under its several names.
type machine struct {
	arch    string // Debian's and snapd's
	goarch  string
	triplet string // of the directory of its libraries
}

func machines() []machine {
	return []machine{
		{"amd64", "amd64", "x86_64-linux-gnu"},
		{"arm64", "arm64", "aarch64-linux-gnu"},
		{"armhf", "arm", "arm-linux-gnueabihf"},
	}
}

// expand replaces the one variable that snapcraft replaces in wattgate's declaration; $SNAP is for snapd.
func (m machine) expand(s string) string {
	return strings.ReplaceAll(s, "${CRAFT_ARCH_TRIPLET_BUILD_FOR}", m.triplet)
}
