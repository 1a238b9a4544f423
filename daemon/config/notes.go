package config

import "reflect"

// later lists the keys that are understood but change nothing yet. Whoever makes one effective deletes its line.
func later() []string {
	return []string{
		"web.tls-listen",
		"web.frontend",
		"web.origins",
		"web.trusted-proxies",
		"web.base-path",
	}
}

// Notes are the things an owner should know about an accepted configuration.
func (c Config) Notes() []Warning {
	var notes []Warning
	defaults := Default()
	for _, key := range later() {
		for _, s := range settings(false) {
			if s.name == key && !reflect.DeepEqual(s.get(c), s.get(defaults)) {
				notes = append(notes, Warning{key, "is accepted but not effective in this version"})
			}
		}
	}
	return append(notes, ledgerNotes(c)...)
}
