package journal

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// lines collects what a logger with the given form writes.
func lines(journal bool, level slog.Leveler) (*slog.Logger, *bytes.Buffer) {
	var out bytes.Buffer
	return slog.New(New(&out, journal, level)), &out
}

func TestJournalLines(t *testing.T) {
	for _, c := range []struct {
		level slog.Level
		want  string
	}{
		{slog.LevelDebug, "<7>plug found  serial=A1 watts=4.5\n"},
		{slog.LevelInfo, "<6>plug found  serial=A1 watts=4.5\n"},
		{slog.LevelWarn, "<4>plug found  serial=A1 watts=4.5\n"},
		{slog.LevelError, "<3>plug found  serial=A1 watts=4.5\n"},
		{slog.LevelError + 4, "<3>plug found  serial=A1 watts=4.5\n"},
	} {
		log, out := lines(true, slog.LevelDebug)
		log.Log(context.Background(), c.level, "plug found", "serial", "A1", "watts", 4.5)
		if out.String() != c.want {
			t.Errorf("%v: got %q, want %q", c.level, out, c.want)
		}
	}
}

func TestLinesForAPerson(t *testing.T) {
	log, out := lines(false, slog.LevelInfo)
	log.Info("plug found", "serial", "A1")
	log.Error("stopped")
	want := regexp.MustCompile(`^\d\d:\d\d:\d\d info  plug found  serial=A1\n\d\d:\d\d:\d\d error stopped\n$`)
	if !want.MatchString(out.String()) {
		t.Errorf("got %q", out)
	}
}

func TestLevelChangesAtRunTime(t *testing.T) {
	var level slog.LevelVar
	log, out := lines(true, &level)
	child := log.With("a", 1)
	child.Debug("unseen")
	level.Set(slog.LevelDebug)
	child.Debug("seen")
	if out.String() != "<7>seen  a=1\n" {
		t.Errorf("got %q", out)
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{"bare", "bare"},
		{"", `""`},
		{"two words", `"two words"`},
		{"a=b", `"a=b"`},
		{`say "hi"`, `"say \"hi\""`},
		{`back\slash`, `"back\\slash"`},
		{"line\nbreak", `"line\nbreak"`},
		{"\x1b[31mred", `"\x1b[31mred"`},
		{"right\u202eleft", `"right\u202eleft"`},
		{"next\u0085line\u2028sep", `"next\u0085line\u2028sep"`},
		{"bad\xffutf8", `"bad\xffutf8"`},
		{"Kühlschrank", "Kühlschrank"},
		{errors.New("cannot dial\nx"), `"cannot dial\nx"`},
		{1500 * time.Millisecond, "1.5s"},
		{time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC), "2026-11-22T07:00:00Z"},
		{true, "true"},
		{nil, "<nil>"},
		{[]string{"a", "b"}, `"[a b]"`},
		{(*time.Location)(nil), "UTC"},
		{strings.Repeat("x", maxValue+1), `"` + strings.Repeat("x", maxValue) + `"…`},
	} {
		log, out := lines(true, slog.LevelInfo)
		log.Info("m", "k", c.value)
		if want := "<6>m  k=" + c.want + "\n"; out.String() != want {
			t.Errorf("%q: got %q, want %q", c.value, out, want)
		}
	}
}

func TestGroupsAndWith(t *testing.T) {
	log, out := lines(true, slog.LevelInfo)
	log = log.With("run", "9f").WithGroup("broker").With("pid", 7).WithGroup("")
	log.Info("up", slog.Group("tls", "port", 8883), slog.Group("", "inline", 1), slog.Attr{}, slog.Group("empty"), "who", person{"jane"})
	if want := "<6>up  run=9f broker.pid=7 broker.tls.port=8883 broker.inline=1 broker.who=jane\n"; out.String() != want {
		t.Errorf("got  %q\nwant %q", out, want)
	}
}

type person struct{ name string }

func (p person) LogValue() slog.Value { return slog.StringValue(p.name) }

func TestSecretsAreHidden(t *testing.T) {
	const canary = "hunter2"
	log, out := lines(true, slog.LevelInfo)
	log.With("token", canary).WithGroup("secret").Info("m", "x", canary)
	log.Info("m", "password", canary, "Password", canary, "broker_password", canary, "secret", []string{canary},
		slog.Group("password", "old", canary), slog.Group("user", "token", person{canary}))
	if strings.Contains(out.String(), canary) {
		t.Errorf("a secret was logged: %s", out)
	}
	if n := strings.Count(out.String(), "=(hidden)"); n != 8 {
		t.Errorf("%d values are hidden, want 8: %s", n, out)
	}
	out.Reset()
	if log.Info("m", "passwords_file", "x"); out.String() != "<6>m  passwords_file=x\n" {
		t.Errorf("hidden too much: %q", out)
	}
}

func TestConcurrentLinesStayWhole(t *testing.T) {
	log, out := lines(true, slog.LevelInfo)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			child := log.With("worker", "w")
			for range 100 {
				child.Info("tick")
			}
		})
	}
	group.Wait()
	if got := strings.Count(out.String(), "<6>tick  worker=w\n"); got != 800 || out.Len() != 800*len("<6>tick  worker=w\n") {
		t.Errorf("%d whole lines in %d bytes", got, out.Len())
	}
}

// A terminal or file is not the journal even where systemd started the parent: JOURNAL_STREAM then names another file.
func TestStderrIsTheJournalOnlyIfItIs(t *testing.T) {
	t.Setenv("JOURNAL_STREAM", "1:2")
	if Stderr(slog.LevelInfo).journal {
		t.Error("a foreign JOURNAL_STREAM was believed")
	}
	t.Setenv("JOURNAL_STREAM", "nonsense")
	if Stderr(slog.LevelInfo).journal {
		t.Error("a broken JOURNAL_STREAM was believed")
	}
	if h := Stderr(slog.LevelInfo); h.out.w != os.Stderr {
		t.Error("Stderr does not write to the standard error")
	}
}

func FuzzOneRecordIsOneLine(f *testing.F) {
	f.Add("plug found", "name", "fridge\n<3>forged")
	f.Add("\x1b]0;x\a", "k=v w", "\u202e\xff")
	f.Fuzz(func(t *testing.T, message, key, value string) {
		log, out := lines(true, slog.LevelInfo)
		log.Info(message, key, value)
		line, ok := strings.CutSuffix(out.String(), "\n")
		if !ok || !strings.HasPrefix(line, "<6>") || !utf8.ValidString(line) {
			t.Fatalf("not a line: %q", out)
		}
		for _, r := range line {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q in %q", r, line)
			}
		}
	})
}
