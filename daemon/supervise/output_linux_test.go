package supervise

import (
	"context"
	"log/slog"
	"strings"
	"testing"
)

func TestLastWordsAreThereWhenRunReturns(t *testing.T) {
	for range 20 {
		var out screen
		p := Process{Name: "sh", Output: &out, Args: []string{"sh", "-c", `trap 'seq 1 20000; echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done`}}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- Run(ctx, []Process{p}, slog.New(slog.DiscardHandler)) }()
		eventually(t, "up", func() bool { return len(out.lines()) > 0 })
		cancel()
		<-ended
		got := out.lines()
		if last := got[len(got)-1]; last != "bye\n" {
			t.Fatalf("after Run the last line is %q (%d lines)", last, len(got))
		}
	}
}

func TestOneLongLineDoesNotSilenceTheProcess(t *testing.T) {
	var out screen
	stop := run(t, Process{Name: "sh", Output: &out, Args: []string{"sh", "-c", `head -c 70000 /dev/zero | tr '\0' x; echo; echo after; sleep 5`}})
	eventually(t, "what follows the long line", func() bool { return strings.Contains(strings.Join(out.lines(), ""), "after\n") })
	_ = stop()
}
