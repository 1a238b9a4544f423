// Package config loads, checks and explains wattgate's configuration document. It reads no environment and starts
// nothing.
//
// The document is one JSON object with one level of groups, exactly what `snap set wattgate group.key=value` builds
// and `snapctl get -d` prints; outside the snap it is a file. Because snap set guesses types, every scalar is
// understood as itself or as its text (true or "true", 200 or "200", 0.0005 or "0.0005"), a list also as one
// comma-separated string, and null means the default.
//
// A document is taken whole or refused whole: unknown and repeated keys are errors, and all problems are reported at
// once. To add a key, add a field to its struct in config.go, its default to Default, and one line to the table in
// keys.go; the parser, the printed table and the JSON form follow from these.
package config
