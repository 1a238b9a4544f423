package front

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// baseForm admits what means the same escaped and not, in a URL, a header and a web server's configuration.
func baseForm() *regexp.Regexp { return regexp.MustCompile(`^(/[A-Za-z0-9_~.-]+)+$`) }

func parseBase(text string) (string, error) {
	base := strings.TrimSuffix(text, "/")
	switch {
	case base == "":
		return "", nil
	case !baseForm().MatchString(base) || path.Clean(base) != base:
		return "", fmt.Errorf("cannot use %q as the base path (write it like /power)", text)
	case isAPI(base):
		return "", fmt.Errorf("cannot use %q as the base path: the API is there (write it like /power)", text)
	}
	return base, nil
}

// withoutBase takes the base path away. A path that does not begin with it is served as it is: then the proxy has taken it
// away already, or somebody came without the proxy. It is false if it has answered.
func (f *Front) withoutBase(w http.ResponseWriter, r *http.Request) (*http.Request, bool) {
	if f.base == "" {
		return r, true
	}
	if r.URL.Path == f.base {
		// Relative, as a proxy may have put more in front of it.
		to := url.URL{Path: path.Base(f.base) + "/", RawQuery: r.URL.RawQuery}
		w.Header().Set("Location", to.String())
		w.WriteHeader(http.StatusTemporaryRedirect)
		return r, false
	}
	below, ok := strings.CutPrefix(r.URL.Path, f.base+"/")
	if !ok {
		return r, true
	}
	raw := ""
	if r.URL.RawPath != "" {
		// The raw path spells the same base in another way: leave that alone, and nothing is found there.
		if raw, ok = strings.CutPrefix(r.URL.RawPath, f.base); !ok {
			return r, true
		}
	}
	shorter := *r
	shorter.URL = new(*r.URL)
	shorter.URL.Path, shorter.URL.RawPath = "/"+below, raw
	return &shorter, true
}
