//go:build linux

package wattgatetest

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"
)

func TestChangeConfigKeepsWhatIsNotNamed(t *testing.T) {
	got, err := changeConfig([]byte(`{"price":{"amount":"1","period":"1h"}}`), map[string]any{"price.amount": "2", "public.host": "h"})
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]map[string]string
	if err := json.Unmarshal(got, &doc); err != nil {
		t.Fatal(err)
	}
	if doc["price"]["amount"] != "2" || doc["price"]["period"] != "1h" || doc["public"]["host"] != "h" {
		t.Errorf("got %s", got)
	}
}

func TestLogKeepsWholeLines(t *testing.T) {
	var l Log
	for _, part := range []string{"one\ntw", "o\n", "thr"} {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if lines := l.Lines(); len(lines) != 2 || lines[1].Text != "two" {
		t.Errorf("got %+v", lines)
	}
	if l.Contains("thr") {
		t.Error("a line that has not ended must not be seen")
	}
}

func TestInboxAwaitsOneTopic(t *testing.T) {
	var b inbox
	b.add(Message{Topic: "a"})
	b.add(Message{Topic: "b"})
	if got, err := b.Await(t.Context(), time.Second, 1, "b"); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := b.Await(t.Context(), 50*time.Millisecond, 2, "b"); err == nil {
		t.Error("a message that never came was awaited")
	}
}

func TestEventuallyReturnsTheLastError(t *testing.T) {
	wanted := errors.New("not yet")
	calls := 0
	err := Eventually(t.Context(), 60*time.Millisecond, func() error { calls++; return wanted })
	if !errors.Is(err, wanted) || calls < 2 {
		t.Errorf("%d calls, then %v", calls, err)
	}
}

func TestProcessesAreFoundByTheirParent(t *testing.T) {
	if got := parentOf(os.Getpid()); got != os.Getppid() {
		t.Errorf("parent %d, want %d", got, os.Getppid())
	}
	if commandOf(os.Getpid()) == "" || parentOf(-1) != -1 || commandOf(-1) != "" {
		t.Error("a process that is there must have a command line, one that is not must not")
	}
	if rss, err := ResidentBytes(os.Getpid()); err != nil || rss < 1<<20 {
		t.Errorf("%d bytes, %v", rss, err)
	}
}

func TestPortsAreHandedOutOnce(t *testing.T) {
	p := newPorts()
	seen := map[int]bool{}
	for range 100 {
		port, err := p.take()
		if err != nil || port < firstPort || port > lastPort || seen[port] {
			t.Fatalf("port %d, %v", port, err)
		}
		seen[port] = true
	}
}
