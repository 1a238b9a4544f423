//go:build linux

package vm

import (
	"context"
	"fmt"
	"path"
	"strings"
)

// Mark is a place in the guest's journal.
type Mark string

// MarkJournal is the place in the journal up to which everything has been written by now.
func (g *Guest) MarkJournal(ctx context.Context) (Mark, error) {
	out, err := g.Must(ctx, "journalctl --sync; journalctl -q -n 1 -o export | sed -n 's/^__CURSOR=//p'")
	if err == nil && out == "" {
		err = fmt.Errorf("cannot find the end of the guest's journal: it is empty")
	}
	return Mark(out), err
}

// Journal returns what was written since the mark (the whole of this boot for the empty one), as `journalctl -o cat` prints
// it, chosen by its other arguments.
func (g *Guest) Journal(ctx context.Context, since Mark, arguments string) (string, error) {
	from := "-b"
	if since != "" {
		from = "--after-cursor=" + Quote(string(since))
	}
	return g.Must(ctx, "journalctl --sync; journalctl -q -o cat --no-pager "+from+" "+arguments)
}

// Refusal is one thing that the kernel refused, from its audit records: either AppArmor's denial or a system call that
// seccomp caught.
type Refusal struct {
	Kind   string // "apparmor" or "seccomp"
	Fields map[string]string
	Text   string
}

// Refusals returns what the kernel refused since the mark, to whomever, oldest first. They are read from the journal:
// ausearch finds none of them here.
func (g *Guest) Refusals(ctx context.Context, since Mark) ([]Refusal, error) {
	text, err := g.Journal(ctx, since, "_TRANSPORT=audit")
	if err != nil {
		return nil, err
	}
	return parseRefusals(text), nil
}

// parseRefusals picks the refusals out of audit records, one a line.
func parseRefusals(text string) []Refusal {
	var all []Refusal
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		f := fields(line)
		switch {
		case f["apparmor"] == "DENIED":
			all = append(all, Refusal{"apparmor", f, line})
		// A record of seccomp is the only one with a system call and a code of what was done about it.
		case strings.HasPrefix(line, "SECCOMP ") || f["type"] == "1326" || f["syscall"] != "" && f["code"] != "":
			all = append(all, Refusal{"seccomp", f, line})
		}
	}
	return all
}

// fields reads name=value and name="value with blanks" pairs.
func fields(line string) map[string]string {
	all := map[string]string{}
	for line != "" {
		name, rest, ok := strings.Cut(line, "=")
		if !ok {
			break
		}
		name = name[strings.LastIndexByte(name, ' ')+1:]
		var value string
		if quoted, isQuoted := strings.CutPrefix(rest, `"`); isQuoted {
			value, line, _ = strings.Cut(quoted, `"`)
		} else {
			value, line, _ = strings.Cut(rest, " ")
		}
		all[name] = value
	}
	return all
}

// Expected is a kind of refusal that is no fault.
type Expected struct {
	Kind   string
	Fields map[string]string // each a pattern of path.Match that the refusal's field fits; "*" does not match a slash
	Why    string
}

// fits says whether e explains the refusal.
func (e Expected) fits(r Refusal) bool {
	if e.Kind != r.Kind {
		return false
	}
	for name, pattern := range e.Fields {
		if ok, err := path.Match(pattern, r.Fields[name]); err != nil || !ok {
			return false
		}
	}
	return true
}

// Unexpected returns the refusals that concern the snap and that nothing on the list explains, and the entries of the list
// that explained none: an entry that is never needed hides a fault some day.
func Unexpected(all []Refusal, snap string, list []Expected) (bad []Refusal, idle []Expected) {
	used := make([]bool, len(list))
	for _, r := range all {
		if !r.concerns(snap) {
			continue
		}
		explained := false
		for i, e := range list {
			if e.fits(r) {
				explained, used[i] = true, true
			}
		}
		if !explained {
			bad = append(bad, r)
		}
	}
	for i, e := range list {
		if !used[i] {
			idle = append(idle, e)
		}
	}
	return bad, idle
}

// concerns says whether a process of the snap was refused something, or snapd's helper on its way to becoming one.
func (r Refusal) concerns(snap string) bool {
	for _, name := range []string{"profile", "subj"} {
		label := strings.TrimPrefix(r.Fields[name], "=")
		if strings.HasPrefix(label, "snap."+snap+".") || strings.HasPrefix(label, "snap-update-ns."+snap) {
			return true
		}
	}
	return strings.HasPrefix(r.Fields["exe"], "/snap/"+snap+"/")
}
