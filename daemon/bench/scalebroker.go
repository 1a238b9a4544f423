//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// scaleBroker is the product's broker without its gateway.
type scaleBroker struct {
	program wattgatetest.Program
	dir     string // Mosquitto's
	state   string
	url     string
	cmd     *exec.Cmd
}

func startScaleBroker(ctx context.Context, p wattgatetest.Program, state string) (*scaleBroker, error) {
	port, err := p.FreePort()
	if err != nil {
		return nil, err
	}
	b := &scaleBroker{program: p, state: state, dir: filepath.Join(state, "mosquitto"), url: "mqtt://127.0.0.1:" + strconv.Itoa(port)}
	type object = map[string]any
	conf, err := json.Marshal(object{
		"plugs":   object{"interface": "lo"},
		"publish": object{"level": "live"},
		"ledger":  object{"network": "sandbox"},
		"broker":  object{"listen": "127.0.0.1:" + strconv.Itoa(port), "tls-listen": "", "max-connections": 2000},
		"public":  object{"host": "127.0.0.1"},
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.MkdirAll(state, 0o700), os.WriteFile(filepath.Join(state, "conf.json"), conf, 0o600)); err != nil {
		return nil, err
	}
	_, err = b.start(ctx)
	return b, err
}

// start runs the broker and returns how long it took until it answered.
func (b *scaleBroker) start(ctx context.Context) (time.Duration, error) {
	b.cmd = exec.Command(b.program.Path, "broker", "--config", filepath.Join(b.state, "conf.json"), "--state", b.state, "--runtime", b.state)
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if err := b.cmd.Start(); err != nil {
		return 0, fmt.Errorf("cannot start the broker: %w", err)
	}
	for {
		// A login, because for a moment it is not Mosquitto that listens: the broker tries its addresses first.
		c, err := wattgatetest.Connect(b.url, wattgatetest.Login{})
		if err == nil {
			took := time.Since(began)
			c.Close()
			return took, nil
		}
		if time.Since(began) > 2*time.Minute {
			return 0, fmt.Errorf("the broker does not answer: %w", err)
		}
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// restart kills the broker and returns how long the next one takes to listen, with all rights in place.
func (b *scaleBroker) restart(ctx context.Context) (time.Duration, error) {
	b.stop()
	return b.start(ctx)
}

func (b *scaleBroker) stop() {
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// cpuOf is the processor time a process has used; the kernel counts it in ticks of 10 ms.
func cpuOf(pid int) time.Duration {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
