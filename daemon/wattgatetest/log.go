//go:build linux

package wattgatetest

import (
	"bytes"
	"strings"
	"sync"
	"time"
)

// Line is one line of a process's output.
type Line struct {
	At   time.Time // when it arrived
	Text string
}

// Log collects the lines a process writes; it is an io.Writer.
type Log struct {
	mu    sync.Mutex // guards what follows
	lines []Line
	rest  []byte // of a line that has not ended
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		end := bytes.IndexByte(l.rest, '\n')
		if end < 0 {
			return len(p), nil
		}
		l.lines = append(l.lines, Line{time.Now(), string(l.rest[:end])})
		l.rest = l.rest[end+1:]
	}
}

// Lines returns the lines so far.
func (l *Log) Lines() []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Line{}, l.lines...)
}

// String returns the text so far.
func (l *Log) String() string {
	var out strings.Builder
	for _, line := range l.Lines() {
		out.WriteString(line.Text + "\n")
	}
	return out.String()
}

// Contains tells whether some line holds text.
func (l *Log) Contains(text string) bool { return strings.Contains(l.String(), text) }
