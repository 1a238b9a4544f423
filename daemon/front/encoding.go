package front

import (
	"strconv"
	"strings"
)

// codings are the content codings a file may lie there in, the best first, with the suffix of its name.
func codings() [2]struct{ name, suffix string } {
	return [...]struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}
}

// preferred chooses among codings, the best first, what Accept-Encoding wants most; "" is the file as it is.
func preferred(accept []string, have []string) string {
	weights := map[string]float64{}
	for _, t := range tokens(accept) {
		name, params, _ := strings.Cut(t, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "x-gzip" {
			name = "gzip"
		}
		weights[name] = weight(params)
	}
	weightOf := func(name string, absent float64) float64 {
		if q, ok := weights[name]; ok {
			return q
		}
		if q, ok := weights["*"]; ok {
			return q
		}
		return absent
	}
	best, most := "", 0.0
	for _, name := range have {
		if q := weightOf(name, 0); q > most {
			best, most = name, q
		}
	}
	// As it is, is fine with everybody who does not say otherwise, but compressed is better.
	if q, ok := weights["identity"]; ok && q > most {
		return ""
	}
	return best
}

// weight reads q=0.5; what cannot be read is a no.
func weight(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(key), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || q < 0 || q > 1 {
				return 0
			}
			return q
		}
	}
	return 1
}
