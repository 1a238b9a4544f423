package supervise

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The test binary is also the programs that are supervised, and a supervisor that gets killed.
const (
	envRole = "WATTGATE_SUPERVISE_TEST_ROLE"
	envArg  = "WATTGATE_SUPERVISE_TEST_ARG"
)

func TestMain(m *testing.M) {
	role, arg := os.Getenv(envRole), os.Getenv(envArg)
	if role == "" {
		os.Exit(m.Run())
	}
	play(role, arg)
}

// play is what the supervised programs do.
func play(role, arg string) {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	switch role {
	case "waits": // until it is asked to end
		fmt.Println("pid", os.Getpid())
		<-end
		note(arg, "ended")
	case "exits":
		fmt.Println("pid", os.Getpid())
		os.Exit(3)
	case "hard": // of hearing
		fmt.Println("pid", os.Getpid())
		<-end
		fmt.Println("no")
		select {}
	case "talks":
		fmt.Print("first\nsec")
		os.Stdout.Sync()
		fmt.Fprint(os.Stderr, "ond\n\nlast, without an end of line")
		<-end
	case "supervises":
		err := Run(context.Background(), []Process{program("waits", arg, os.Stdout)}, slog.New(slog.DiscardHandler))
		fmt.Println("unexpected end:", err)
	}
}

// note appends one line to a file that several programs share.
func note(file, line string) {
	if file == "" {
		return
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	fmt.Fprintln(f, os.Getenv("NAME"), line)
}

// program is this binary in a role; `env` hands it the role, since a Process has no environment of its own.
func program(role, arg string, out io.Writer) Process {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return Process{Name: role, Output: out, Args: []string{
		"env", envRole + "=" + role, envArg + "=" + arg, "NAME=" + role, "GORACE=atexit_sleep_ms=0", self,
	}}
}

// screen collects what the processes write, and each Write by itself.
type screen struct {
	mu     sync.Mutex // guards what follows
	writes []string
	at     []time.Time
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes, s.at = append(s.writes, string(p)), append(s.at, time.Now())
	return len(p), nil
}

func (s *screen) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.writes)
}

// pids are those the programs told, in order.
func (s *screen) pids() (out []int) {
	for _, w := range s.lines() {
		if n, ok := strings.CutPrefix(strings.TrimSpace(w), "pid "); ok {
			pid, _ := strconv.Atoi(n)
			out = append(out, pid)
		}
	}
	return out
}

// run supervises until the function it returns is called.
func run(t *testing.T, procs ...Process) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, procs, slog.New(slog.DiscardHandler)) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}

// eventually polls what real processes do.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(8 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// A zombie is dead; the field behind the name in parentheses tells.
	_, after, _ := bytes.Cut(stat, []byte(") "))
	return !bytes.HasPrefix(after, []byte("Z"))
}

func TestKilledProcessIsStartedAgain(t *testing.T) {
	t.Parallel()
	var out screen
	stop := run(t, program("waits", "", &out))
	eventually(t, "the process", func() bool { return len(out.pids()) == 1 })
	first := out.pids()[0]
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another process", func() bool { return len(out.pids()) == 2 })
	second := out.pids()[1]
	if second == first || alive(first) || !alive(second) {
		t.Errorf("first %d alive %t, second %d alive %t", first, alive(first), second, alive(second))
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if alive(second) {
		t.Error("the process lives on after Run")
	}
}

func TestProcessThatKeepsEndingIsStartedEverMoreSeldom(t *testing.T) {
	t.Parallel()
	var out screen
	stop := run(t, program("exits", "", &out))
	eventually(t, "three starts", func() bool { return len(out.pids()) >= 3 })
	_ = stop()
	first, second := out.at[1].Sub(out.at[0]), out.at[2].Sub(out.at[1])
	if first < restartDelay || second < 2*restartDelay {
		t.Errorf("pauses %v and %v, want at least %v and %v", first, second, restartDelay, 2*restartDelay)
	}
}

func TestEndsInReverseOrder(t *testing.T) {
	t.Parallel()
	var out screen
	file := filepath.Join(t.TempDir(), "order")
	var procs []Process
	for _, name := range []string{"NAME=a", "NAME=b", "NAME=c"} {
		p := program("waits", file, &out)
		p.Args[3] = name
		procs = append(procs, p)
	}
	stop := run(t, procs...)
	eventually(t, "three processes", func() bool { return len(out.pids()) == 3 })
	if err := stop(); err != nil {
		t.Error(err)
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != "c ended\nb ended\na ended\n" {
		t.Errorf("%q %v", got, err)
	}
	for _, pid := range out.pids() {
		if alive(pid) {
			t.Errorf("process %d lives on", pid)
		}
	}
}

func TestOutputIsPassedOnInWholeLinesWithPrefix(t *testing.T) {
	t.Parallel()
	var out screen
	p := program("talks", "", &out)
	p.Prefix = "mosquitto: "
	stop := run(t, p)
	want := []string{"mosquitto: first\n", "mosquitto: second\n", "mosquitto: \n"}
	eventually(t, "three lines", func() bool { return len(out.lines()) >= len(want) })
	if got := out.lines(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q: one Write a line", got, want)
	}
	_ = stop()
	want = append(want, "mosquitto: last, without an end of line\n")
	eventually(t, "the last line", func() bool { return slices.Equal(out.lines(), want) })
}

func TestProgramThatCannotStartIsAnErrorAndEndsTheOthers(t *testing.T) {
	t.Parallel()
	var out screen
	file := filepath.Join(t.TempDir(), "order")
	missing := filepath.Join(t.TempDir(), "missing")
	err := Run(t.Context(), []Process{
		program("waits", file, &out),
		{Name: "gateway", Args: []string{missing}, Output: &out},
	}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "cannot start gateway") {
		t.Errorf("%v", err)
	}
	for _, pid := range out.pids() {
		if alive(pid) {
			t.Errorf("process %d lives on", pid)
		}
	}
}

// No order of ending helps a supervisor that is killed: the kernel must end what it started.
func TestProcessesEndWithAKilledSupervisor(t *testing.T) {
	t.Parallel()
	var out screen
	stop := run(t, program("supervises", "", &out))
	eventually(t, "the inner process", func() bool { return len(out.pids()) == 1 })
	inner := out.pids()[0]
	parent := parentOf(t, inner)
	if err := syscall.Kill(parent, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the inner process", func() bool { return !alive(inner) })
	_ = stop()
}

func parentOf(t *testing.T, pid int) int {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(stat, []byte(") "))
	parent, err := strconv.Atoi(string(bytes.Fields(after)[1]))
	if err != nil || parent <= 1 || parent == os.Getpid() {
		t.Fatalf("parent of %d is %d (%v)", pid, parent, err)
	}
	return parent
}

func TestProcessThatDoesNotEndIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skipf("SKIPPED, NOT TESTED: killing after the time-out, it takes %v", stopTimeout)
	}
	t.Parallel()
	var out screen
	stop := run(t, program("hard", "", &out))
	eventually(t, "the process", func() bool { return len(out.pids()) == 1 })
	begin := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took < stopTimeout || took > stopTimeout+2*time.Second {
		t.Errorf("ended after %v, want %v", took, stopTimeout)
	}
	if alive(out.pids()[0]) {
		t.Error("the process lives on")
	}
}
