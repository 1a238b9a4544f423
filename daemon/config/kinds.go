package config

import (
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kind is how one type of value is named, read into a Config and written back.
type kind struct {
	typ    string
	limits string
	// set reads the value into c. It returns "" or what to write instead; c is then unchanged.
	set func(c *Config, n node) (remedy string)
	get func(c Config) any // as encoding/json should write it
}

func boolean(at func(*Config) *bool) kind {
	return kind{
		typ:    "bool",
		limits: "true or false",
		set: func(c *Config, n node) string {
			if v, ok := n.scalar(); ok && (v == "true" || v == "false") {
				*at(c) = v == "true"
				return ""
			}
			return "write true or false"
		},
		get: func(c Config) any { return *at(&c) },
	}
}

func whole(at func(*Config) *int, least, most int) kind {
	limits := fmt.Sprintf("%d to %d", least, most)
	return kind{
		typ:    "number",
		limits: limits,
		set: func(c *Config, n node) string {
			v, ok := n.scalar()
			i, err := strconv.ParseUint(v, 10, 31) // takes no sign, exponent or fraction
			if !ok || err != nil || int(i) < least || int(i) > most {
				return "write a whole number from " + limits
			}
			*at(c) = int(i)
			return ""
		},
		get: func(c Config) any { return *at(&c) },
	}
}

// duration reads a time span that is a multiple of step.
func duration(at func(*Config) *time.Duration, least, most, step time.Duration) kind {
	limits := fmt.Sprintf("%s to %s in steps of %s", spell(least), spell(most), spell(step))
	return kind{
		typ:    "duration",
		limits: limits,
		set: func(c *Config, n node) string {
			v, ok := n.scalar()
			if !ok {
				return "write a time with its unit, " + limits
			}
			if _, err := strconv.ParseFloat(v, 64); err == nil {
				return "add the unit, as in 90s, 15m, 1h or 7d; allowed are " + limits
			}
			d, err := span(v)
			if err != nil || d < least || d > most || d%step != 0 {
				return "write a time with its unit, " + limits
			}
			*at(c) = d
			return ""
		},
		get: func(c Config) any { return spell(*at(&c)) },
	}
}

// span is time.ParseDuration and whole days ("7d"): periods of sale are counted in days.
func span(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * day, err
	}
	return time.ParseDuration(s)
}

// spell writes a duration as a person would: "1h", not "1h0m0s". span reads it back.
func spell(d time.Duration) string {
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func text(at func(*Config) *string, limits string, check func(string) string) kind {
	return kind{
		typ:    "string",
		limits: limits,
		set: func(c *Config, n node) string {
			v, ok := n.scalar()
			if !ok {
				return "write one value: " + limits
			}
			if remedy := check(v); remedy != "" {
				return remedy
			}
			*at(c) = v
			return ""
		},
		get: func(c Config) any { return *at(&c) },
	}
}

func choice[T ~string](at func(*Config) *T, options ...T) kind {
	var names []string
	for _, o := range options {
		names = append(names, named(string(o)))
	}
	limits := strings.Join(names, ", ")
	return kind{
		typ:    "string",
		limits: limits,
		set: func(c *Config, n node) string {
			v, ok := n.scalar()
			if !ok || !slices.Contains(options, T(v)) {
				return "write one of: " + limits
			}
			*at(c) = T(v)
			return ""
		},
		get: func(c Config) any { return string(*at(&c)) },
	}
}

func named(option string) string {
	if option == "" {
		return `"" (empty)`
	}
	return option
}

// list reads a JSON list or one comma-separated string; each entry has to pass check.
func list(at func(*Config) *[]string, most int, entries string, check func(string) string) kind {
	return kind{
		typ:    "list",
		limits: fmt.Sprintf("at most %d %s", most, entries),
		set: func(c *Config, n node) string {
			items, ok := n.entries()
			if !ok {
				return "write a list of texts, or one text with commas"
			}
			if len(items) > most {
				return fmt.Sprintf("at most %d entries are allowed, there are %d", most, len(items))
			}
			for i, item := range items {
				if remedy := check(item); remedy != "" || item == "" {
					return fmt.Sprintf("entry %d (%s): %s", i+1, show(item), orElse(remedy, "is empty"))
				}
				if slices.Contains(items[:i], item) {
					return fmt.Sprintf("entry %d (%s) is there twice", i+1, show(item))
				}
			}
			*at(c) = items
			return ""
		},
		get: func(c Config) any { return append([]string{}, *at(&c)...) },
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// logLevel reads the four names of slog's levels in lower case.
func logLevel() kind {
	levels := []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
	name := func(l slog.Level) string { return strings.ToLower(l.String()) }
	return kind{
		typ:    "string",
		limits: "debug, info, warn, error",
		set: func(c *Config, n node) string {
			v, _ := n.scalar()
			i := slices.IndexFunc(levels, func(l slog.Level) bool { return name(l) == v })
			if i < 0 {
				return "write one of: debug, info, warn, error"
			}
			c.Log.Level = levels[i]
			return ""
		},
		get: func(c Config) any { return name(c.Log.Level) },
	}
}
