package webserver

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// recipe is one configuration of the documentation.
type recipe struct {
	title    string // the heading above it, with a number if there are several
	server   string // nginx or apache
	text     string
	settings settings // of wattgate, the last before it
	modules  []string // of Apache, the last before it
}

// settings are the keys of wattgate's configuration that matter here.
type settings struct {
	Web struct {
		Listen         string   `json:"listen"`
		TrustedProxies []string `json:"trusted-proxies"`
		BasePath       string   `json:"base-path"`
	} `json:"web"`
}

// recipes reads the documentation.
func recipes(t *testing.T) []recipe {
	t.Helper()
	doc, err := os.ReadFile("../../../docs/web-server.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []recipe
	now := recipe{}
	parts := regexp.MustCompile("(?ms)^#+ ([^\n]+)$|^```([a-z]+)\n(.*?)^```$").FindAllStringSubmatch(string(doc), -1)
	for _, p := range parts {
		switch heading, language, text := p[1], p[2], p[3]; {
		case heading != "":
			now.title = heading
		case language == "json":
			now.settings = settings{}
			if err := json.Unmarshal([]byte(text), &now.settings); err != nil {
				t.Fatalf("%s: %v", now.title, err)
			}
		case language == "sh":
			if names, ok := strings.CutPrefix(strings.TrimSpace(text), "sudo a2enmod "); ok {
				now.modules = strings.Fields(names)
			}
		case language == "nginx" || language == "apache":
			now.server, now.text = language, text
			all = append(all, now)
		}
	}
	return all
}

func TestDocumentationHoldsWhatIsTested(t *testing.T) {
	count := map[string]int{}
	for _, r := range recipes(t) {
		where := "root"
		if r.settings.Web.BasePath != "" {
			where = "path"
		}
		count[r.server+" "+where]++
		if !strings.Contains(r.text, r.settings.Web.Listen) || len(r.settings.Web.TrustedProxies) == 0 {
			t.Errorf("%s does not lead to the address in the configuration above it, or is not trusted there", r.title)
		}
	}
	for _, want := range []string{"nginx root", "nginx path", "apache root", "apache path"} {
		if count[want] == 0 {
			t.Errorf("there is no configuration for %s: %v", want, count)
		}
	}
}
