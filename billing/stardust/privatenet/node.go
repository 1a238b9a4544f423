package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// stopBudget is how long the node may take to end in order; HORNET's own grace period is 20 s.
const stopBudget = 25 * time.Second

// node is the HORNET process.
type node struct {
	paths paths
	rest  string // host:port

	mu     sync.Mutex // guards what follows
	cmd    *exec.Cmd  // nil while it does not run
	exited chan struct{}
	err    error // why it ended, set before exited is closed
}

// start starts the process and waits until its API answers.
func (n *node) start(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		return errors.New("cannot start the node: it runs")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(n.paths.of("hornet.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(self, "hornet", "-c", n.paths.of("config.json"), "--peering", n.paths.of("peering.json"))
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = string(n.paths), log, log, endsWithUs()
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	n.cmd, n.exited = cmd, exited
	go func() {
		n.err = cmd.Wait()
		close(exited)
	}()
	for {
		if resp, err := http.Get("http://" + n.rest + "/api/core/v2/info"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-exited:
			n.cmd = nil
			return fmt.Errorf("cannot start the node: it ended with %v (see %s)", n.err, n.paths.of("hornet.log"))
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the process in order, and at the end of the budget by force.
func (n *node) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return
	}
	n.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-n.exited:
	case <-time.After(stopBudget):
		n.cmd.Process.Kill()
		<-n.exited
	}
	n.cmd = nil
}

// freePort completes an address whose port is 0. Somebody else may take the port before the node does; then it ends and
// says so.
func freePort(address string) (string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
