package demo

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The ports a demo takes if they are free: those of a real gateway.
const (
	usualMQTT = 1883
	usualTLS  = 8883
	usualWeb  = 8080
)

// maxDemos is how many demos without a directory of their own one user may run at once.
const maxDemos = 20

// claim makes the state directory and locks it, so that two demos never share one.
func claim(named string) (dir string, unlock func(), err error) {
	if named != "" {
		dir, err := filepath.Abs(named)
		if err != nil {
			return "", nil, fmt.Errorf("cannot use the state directory: %w", err)
		}
		unlock, err := claimOne(dir)
		return dir, unlock, err
	}
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", nil, fmt.Errorf("cannot find a place for the demo's state: %w (name one with --state)", err)
		}
		base = filepath.Join(home, ".local", "state")
	}
	for n := 1; n <= maxDemos; n++ {
		dir := filepath.Join(base, "wattgate", "demo")
		if n > 1 {
			dir += "-" + strconv.Itoa(n)
		}
		unlock, err := claimOne(dir)
		if errors.Is(err, errTaken) {
			continue
		}
		return dir, unlock, err
	}
	return "", nil, fmt.Errorf("cannot start: %d demos are running (name a directory with --state)", maxDemos)
}

// errTaken says that another demo runs on a directory.
var errTaken = errors.New("another demo runs on it")

func claimOne(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, fmt.Errorf("cannot make the state directory: %w (name another with --state)", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "demo.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot use the state directory: %w (name another with --state)", err)
	}
	if err := lockFile(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("cannot use the state directory %s: %w", dir, err)
	}
	return func() { _ = f.Close() }, nil
}

// serialPrefix begins the serials of this directory's plugs; it is made once.
func (d *demo) serialPrefix() (string, error) {
	path := filepath.Join(d.dirs.State, "demo.serial")
	data, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(data))) == 12 {
		return strings.TrimSpace(string(data)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("cannot read the demo's serial number: %w", err)
	}
	prefix := "DEMO" + rand.Text()[:8]
	if err := os.WriteFile(path, []byte(prefix+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("cannot keep the demo's serial number: %w", err)
	}
	return prefix, nil
}

// choosePorts settles on the ports: the usual one if nobody has it, any free one if asked, and the one named in any
// case, for then it is the gateway's part to say that it is taken.
func (d *demo) choosePorts() error {
	// A port that was tried and let go may be handed out again at once.
	given := map[int]bool{d.MQTTPort: true, d.TLSPort: true, d.WebPort: true}
	for _, c := range []struct {
		port          *int
		wanted, usual int
	}{{&d.mqttPort, d.MQTTPort, usualMQTT}, {&d.tlsPort, d.TLSPort, usualTLS}, {&d.webPort, d.WebPort, usualWeb}} {
		port, err := choose(c.wanted, c.usual)
		for err == nil && c.wanted <= 0 && given[port] {
			port, err = choose(0, c.usual)
		}
		if err != nil {
			return err
		}
		given[port], *c.port = true, port
	}
	return nil
}

func choose(wanted, usual int) (int, error) {
	if wanted > 0 {
		return wanted, nil
	}
	if wanted < 0 {
		if l, err := net.Listen("tcp", local(usual)); err == nil {
			return usual, l.Close()
		}
	}
	l, err := net.Listen("tcp", local(0))
	if err != nil {
		return 0, fmt.Errorf("cannot find a free port: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}
