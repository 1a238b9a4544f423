package config

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The documentation lists every key with its type, default and range, and marks exactly those that do nothing yet.
func TestDocumentationListsEveryKey(t *testing.T) {
	doc, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(doc)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) == 5 && strings.HasPrefix(strings.TrimSpace(cells[0]), "`") {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows[strings.Trim(cells[0], "`")] = cells[1:]
		}
	}
	for _, k := range Keys() {
		want := []string{k.Type, k.Default, k.Range, k.About}
		if k.Default != "" {
			want[1] = "`" + k.Default + "`"
		}
		if slices.Contains(later(), k.Name) {
			want[3] += " *(later)*"
		}
		if got := rows[k.Name]; !slices.Equal(got, want) {
			t.Errorf("docs/configuration.md has %q for %s, want %q", got, k.Name, want)
		}
		delete(rows, k.Name)
	}
	for name := range rows {
		t.Errorf("docs/configuration.md lists %q, which is no key", name)
	}
}
