//go:build linux

package wattgatetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Children returns the pids of the demo's gateway and broker; 0 for one that does not run at the moment.
func (d *Demo) Children() (gateway, broker int) {
	for pid, command := range d.children() {
		switch {
		case strings.Contains(command, " run "):
			gateway = pid
		case strings.Contains(command, "mosquitto -c "):
			broker = pid
		}
	}
	return gateway, broker
}

// SignalGateway sends the gateway a signal.
func (d *Demo) SignalGateway(s syscall.Signal) error {
	gateway, _ := d.Children()
	return send(gateway, s, "gateway")
}

// SignalBroker sends the broker a signal.
func (d *Demo) SignalBroker(s syscall.Signal) error {
	_, broker := d.Children()
	return send(broker, s, "broker")
}

func send(pid int, s syscall.Signal, name string) error {
	if pid == 0 {
		return fmt.Errorf("cannot signal the %s: it does not run", name)
	}
	if err := syscall.Kill(pid, s); err != nil {
		return fmt.Errorf("cannot signal the %s: %w", name, err)
	}
	return nil
}

// PID is the demo's own process.
func (d *Demo) PID() int { return d.cmd.Process.Pid }

// children maps the pids of the demo's child processes to their command lines, and remembers them for Stop.
func (d *Demo) children() map[int]string {
	found := map[int]string{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return found
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || parentOf(pid) != d.PID() {
			continue
		}
		found[pid] = commandOf(pid)
		d.known[pid] = true
	}
	return found
}

// parentOf reads the fourth field of /proc/PID/stat, which stands behind the name in parentheses; -1 if it is gone.
func parentOf(pid int) int {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return -1
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 2 {
		return -1
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return -1
	}
	return parent
}

// commandOf is a process's command line; empty if it is gone or only waits to be reaped.
func commandOf(pid int) string {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(string(data), "\x00", " ")
}

// Alive tells whether a process runs; one that only waits to be reaped does not.
func Alive(pid int) bool { return commandOf(pid) != "" }

// stillOurs guards against a pid that was given to somebody else: all our children name the state directory.
func stillOurs(pid int, state string) bool { return strings.Contains(commandOf(pid), state) }

// ResidentBytes is how much memory a process holds.
func ResidentBytes(pid int) (int64, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "statm"))
	if err != nil {
		return 0, fmt.Errorf("cannot read the memory of process %d: %w", pid, err)
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, errors.New("cannot read /proc/PID/statm")
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// changeConfig sets dotted keys in a JSON document.
func changeConfig(data []byte, changes map[string]any) ([]byte, error) {
	doc := map[string]map[string]any{}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	for key, value := range changes {
		section, name, _ := strings.Cut(key, ".")
		if doc[section] == nil {
			doc[section] = map[string]any{}
		}
		doc[section][name] = value
	}
	return json.MarshalIndent(doc, "", "  ")
}
