package front

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// parseOrigins returns the origins as browsers write them.
func parseOrigins(texts []string) (map[string]bool, error) {
	origins := map[string]bool{}
	for _, text := range texts {
		origin, ok := normalOrigin(strings.TrimSuffix(text, "/"))
		if !ok {
			return nil, fmt.Errorf("cannot take %q for an origin (write it like https://power.example.org, with the port if it is not the usual one)", text)
		}
		origins[origin] = true
	}
	return origins, nil
}

// normalOrigin is scheme://host, with the port where it is not the scheme's own.
func normalOrigin(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || text != u.Scheme+"://"+u.Host {
		return "", false
	}
	return u.Scheme + "://" + normalHost(u.Scheme, u.Host), true
}

func normalHost(scheme, host string) string {
	port := ":80"
	if scheme == "https" {
		port = ":443"
	}
	return strings.ToLower(strings.TrimSuffix(host, port))
}

// originOf is the origin of the page that asks. Programs that are no browsers send none, which is allowed; ok is false for
// an origin that is neither the page's own nor listed. listed is what to tell the browser, "" for the own origin.
func (f *Front) originOf(r *http.Request) (listed string, ok bool) {
	all := r.Header.Values("Origin")
	if len(all) == 0 {
		return "", true
	}
	origin, known := normalOrigin(all[0])
	if !known || len(all) > 1 {
		return "", false // also "null": a page from a file or a sandbox could be anybody's
	}
	scheme, host, _ := strings.Cut(origin, "://")
	if host == normalHost(scheme, r.Host) {
		return "", true
	}
	return all[0], f.origins[origin]
}

// mayUse lets pages of listed sites use the API, and keeps those of others from changing anything. It is false if it has
// answered.
func (f *Front) mayUse(w http.ResponseWriter, r *http.Request) bool {
	listed, ok := f.originOf(r)
	h := w.Header()
	if len(f.origins) > 0 {
		h.Add("Vary", "Origin")
	}
	switch {
	case !ok && !isSafe(r.Method):
		refuseOrigin(w)
		return false
	case !ok || listed == "" || !isAPI(r.URL.Path):
		return true // a browser keeps the answer from the page of another origin
	}
	h.Set("Access-Control-Allow-Origin", listed)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return true
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return false
}

func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func refuseOrigin(w http.ResponseWriter) {
	refuse(w, http.StatusForbidden, "foreign-origin", "pages of this site may not use the gateway", "the owner can list the site in web.origins; a proxy must pass on the Host header")
}
