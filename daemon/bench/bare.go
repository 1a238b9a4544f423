//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/wattgate/wattgate/daemon/broker"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// bareBroker is Mosquitto as it comes, without rights: the baseline.
type bareBroker struct {
	url string
	cmd *exec.Cmd
	dir string
}

func startBare(ctx context.Context) (*bareBroker, error) {
	binary, err := broker.Find()
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "wgb")
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "conf")
	text := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type none\n", port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "-c", conf)
	if os.Geteuid() == 0 {
		// As root Mosquitto would change to its own user, who may not read this file.
		text += "user root\n"
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	b := &bareBroker{url: "mqtt://" + address, cmd: cmd, dir: dir}
	err = wattgatetest.Eventually(ctx, 10*time.Second, func() error {
		c, err := net.Dial("tcp", address)
		if err == nil {
			err = c.Close()
		}
		return err
	})
	if err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

func (b *bareBroker) stop() {
	_ = b.cmd.Process.Signal(syscall.SIGTERM)
	_ = b.cmd.Wait()
	_ = os.RemoveAll(b.dir)
}
