package journal

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	systemd "github.com/coreos/go-systemd/v22/journal"
)

// Handler is a slog.Handler that writes one line per record and never more, whatever the values contain.
type Handler struct {
	out     *output
	level   slog.Leveler
	journal bool
	prefix  string // of keys, the open groups: "broker." or ""
	hidden  bool   // an open group is itself a secret
	attrs   string // what With added, rendered
}

// output is shared by a handler and those derived from it.
type output struct {
	mu sync.Mutex // guards w: a line is one Write
	w  io.Writer
}

// Stderr is the handler for the standard error: with priorities if that is the journal, else for a person.
// A *slog.LevelVar as level can be changed while the program runs.
func Stderr(level slog.Leveler) *Handler {
	isJournal, err := systemd.StderrIsJournalStream()
	return New(os.Stderr, isJournal && err == nil, level)
}

// New is a handler that writes to w. In the journal's form a line begins with its priority (sd-daemon(3): <3> error,
// <4> warning, <6> info, <7> debug) and has no time, since the journal keeps that itself; in the other form it begins
// with the local time of day.
func New(w io.Writer, journal bool, level slog.Leveler) *Handler {
	return &Handler{out: &output{w: w}, level: level, journal: journal}
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level.Level() }

// Handle implements slog.Handler.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	var line strings.Builder
	if h.journal {
		line.WriteString(priority(r.Level))
	} else {
		if !r.Time.IsZero() {
			line.WriteString(r.Time.Format("15:04:05 "))
		}
		line.WriteString(word(r.Level))
	}
	line.WriteString(printable(r.Message))
	if h.attrs != "" || r.NumAttrs() > 0 {
		line.WriteByte(' ') // two blanks set the facts apart from the message
	}
	line.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		appendAttr(&line, h.prefix, h.hidden, a)
		return true
	})
	line.WriteByte('\n')
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err := io.WriteString(h.out.w, line.String())
	return err
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var line strings.Builder
	for _, a := range attrs {
		appendAttr(&line, h.prefix, h.hidden, a)
	}
	derived := *h
	derived.attrs += line.String()
	return &derived
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	derived := *h
	derived.prefix += name + "."
	derived.hidden = h.hidden || secret(name)
	return &derived
}

func priority(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "<3>"
	case l >= slog.LevelWarn:
		return "<4>"
	case l >= slog.LevelInfo:
		return "<6>"
	}
	return "<7>"
}

func word(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "error "
	case l >= slog.LevelWarn:
		return "warn  "
	case l >= slog.LevelInfo:
		return "info  "
	}
	return "debug "
}
