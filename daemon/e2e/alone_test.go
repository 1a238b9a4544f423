//go:build linux

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// writeConfig writes a configuration.
func writeConfig(t *testing.T, doc string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// process is one command that runs until it is stopped, without a demo around it.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *wattgatetest.Log
	once sync.Once
}

// launch starts a command with more environment; SIGTERM ends it with the test, and must end it well.
func launch(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(built.plain.Path, args...), log: &wattgatetest.Log{}}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	return p
}

// stop ends the process; a second call does nothing.
func (p *process) stop() {
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		hung := time.AfterFunc(15*time.Second, func() { _ = p.cmd.Process.Kill() })
		defer hung.Stop()
		if err := p.cmd.Wait(); err != nil {
			p.t.Errorf("%v did not end well after SIGTERM: %v\n%s", p.cmd.Args, err, p.log)
		} else if p.t.Failed() {
			p.t.Logf("%v wrote:\n%s", p.cmd.Args, p.log)
		}
	})
}

// refuses runs a gateway that must not start, and returns what it said.
func refuses(t *testing.T, p wattgatetest.Program, args ...string) wattgatetest.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	r := p.Run(ctx, args...)
	if r.Code != 1 {
		t.Errorf("%v must be refused with exit code 1\n%s", args, r)
	}
	return r
}
